package vrrp

import (
	"context"
	"fmt"
	"net/netip"
)

// Run is the loop. It returns nil after [Engine.Stop], once every group has
// handed over; ctx's error, at once and with the addresses in place, when ctx
// ends: they then go by their lease, or to the next process by adoption;
// [ErrHandedOver], likewise, when another engine goes on; or the error of a Conn
// that can no longer wait. It returns when its executors have returned too.
func (e *Engine) Run(ctx context.Context) error {
	defer close(e.done)
	stopWaking := context.AfterFunc(ctx, e.conn.Wake)
	defer stopWaking()
	work, cancel := context.WithCancel(ctx)
	defer cancel()
	e.work = work
	e.executors.Go(func() { e.herald.run(work) })

	err := e.loop(ctx)
	if e.stopping && len(e.groups) == 0 {
		e.herald.close() // tells what it has to tell
	} else {
		cancel()
	}
	e.executors.Wait()
	return err
}

func (e *Engine) loop(ctx context.Context) error {
	for {
		now, ok, err := e.conn.Recv(e.deadline(), &e.packet)
		if err != nil {
			return fmt.Errorf("vrrp: receive: %w", err)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		e.now = max(e.now, now)
		if ok {
			e.receive(&e.packet)
		}
		// A timer is believed only when there is nothing left to read: what waits may
		// be the advert that it missed. A flood must not stop our own adverts, though.
		if busy := e.obey() || ok; busy && e.unread < unreadAtMost {
			e.unread++
		} else {
			e.unread = 0
			e.expire()
		}
		if e.sweeping {
			e.sweep()
		}
		if e.handing != nil && e.handOver() {
			e.handedOver = true
			return ErrHandedOver
		}
		if e.stopping && len(e.groups) == 0 {
			return e.stopError
		}
	}
}

// deadline is when the loop goes round at the latest.
func (e *Engine) deadline() Instant {
	if e.handing != nil {
		return min(e.due(), e.handing.look)
	}
	return e.due()
}

// due is when something is due.
func (e *Engine) due() Instant {
	if len(e.deadlines) == 0 {
		return e.reopenAt
	}
	return min(e.deadlines[0].at, e.reopenAt)
}

// expire does what is due.
func (e *Engine) expire() {
	if e.reopenAt <= e.now {
		e.relink()
	}
	for len(e.deadlines) > 0 && e.deadlines[0].at <= e.now {
		e.fire(e.deadlines[0])
	}
}

// fire does what is due of one group.
func (e *Engine) fire(el *elector) {
	if el.group.Deadline() <= e.now {
		el.clock(e.now)
		e.step(el, Input{Kind: InputTimer})
	}
	if el.postAt <= e.now {
		e.post(el)
	}
	e.announceDue(el)
	if el.giveUpAt <= e.now {
		e.sweeping, el.givenUp, el.giveUpAt = true, true, Never
	}
	e.schedule(el)
}

// clock counts a deadline that was noticed late: by more than a tenth of the
// group's shortest interval, 10 ms at most. Each counts once, though what is
// waiting is read before it is acted on.
func (el *elector) clock(now Instant) {
	due := el.group.Deadline()
	if due < now && due != el.lateFor && now.Sub(due) > min(lateAtMost, el.group.shortest()/10) {
		el.late++
		el.lateFor = due
	}
}

// step feeds one input to a group and carries out what it asks for.
func (e *Engine) step(el *elector, in Input) {
	e.out = el.group.Step(e.now, in, e.out[:0])
	for i := range e.out {
		e.carry(el, &e.out[i])
	}
	e.sweeping = e.sweeping || el.retired
	e.schedule(el)
}

func (e *Engine) carry(el *elector, o *Output) {
	switch o.Kind {
	case OutputAdvert:
		e.send(el, o)
	case OutputTransition:
		for i := range el.traffic {
			el.traffic[i].noted = 0 // what is odd is worth a line again
		}
		if o.Transition.From == Master {
			el.exec.hush() // it is no longer ours to say
		}
		e.herald.transition(o.Transition)
	case OutputAddresses:
		e.want(el)
	case OutputContested:
		el.contested(o.Router, e.now)
	case OutputRecord:
		if e.recorder != nil {
			e.recorder.Record(el.group.Config.Name, o.Record)
		}
	default:
		panic(fmt.Sprintf("vrrp: impossible output %d", o.Kind))
	}
}

// send transmits one advert, to the group or to each peer.
func (e *Engine) send(el *elector, o *Output) {
	var (
		rc        *RouterConfig
		src       netip.Addr
		addresses []netip.Addr
		count     *traffic
	)
	if o.Gone != nil {
		rc, src, addresses, count = o.Gone, o.Gone.Source, advertised(o.Gone.Addresses), new(traffic)
	} else {
		rc, src = &el.group.Config.Routers[o.Router], el.group.Source(o.Router)
		addresses, count = el.addresses[o.Router], &el.traffic[o.Router]
	}
	a := Advert{
		Version: rc.version(), VRID: rc.VRID, Priority: o.Priority, Interval: rc.Interval,
		Addresses: addresses, Checksum: rc.Checksum, Auth: rc.Auth.auth(),
	}
	if rc.Transport == Unicast {
		for _, peer := range rc.Peers {
			e.transmit(Transmission{Interface: rc.Interface, Src: src, Dst: peer}, &a, count)
		}
	} else {
		// RFC 9568 section 7.2: set the source MAC address to the Virtual Router MAC
		// address, so that bridges learn where it is.
		e.transmit(Transmission{Interface: rc.Interface, MAC: rc.MAC(), Src: src, Dst: groupOf(rc.IPv6())}, &a, count)
	}
}

func (e *Engine) transmit(t Transmission, a *Advert, count *traffic) {
	e.wire = a.Append(e.wire[:0], t.Src, t.Dst)
	t.Payload = e.wire
	if err := e.conn.Send(t); err != nil {
		count.sendErrors++
		if !count.mute {
			count.mute = true // until one goes out again
			e.herald.warn("an advert could not be sent", "interface", t.Interface, "vrid", a.VRID, "error", err.Error())
		}
		return
	}
	count.mute = false
	count.sent++
}
