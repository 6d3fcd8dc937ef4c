package linux

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"failover/vrrp"
)

// maxOverdue is how many packets in a row Recv delivers although the deadline
// has passed. Waiting packets come first, for an advert among them may be why
// the deadline no longer counts; but a flood must not put the deadline off for
// ever. It is more than a burst of adverts and less than a millisecond's work.
const maxOverdue = 256

// Conn is a [vrrp.Conn] on raw sockets: per interface and family one that
// receives and one that sends; one more where adverts come from a virtual MAC
// address.
type Conn struct {
	event   int // eventfd: Wake writes it, Recv drains it
	control int // any socket, to look up interfaces by name
	ports   []*port
	polled  []unix.PollFd // the event, then the ports in their order
	next    int           // the port whose turn it is
	overdue int           // packets delivered in a row past their deadline
	batch   *batch        // what was read and is not yet delivered
	writer  writer
}

var _ vrrp.Conn = (*Conn)(nil)

// Listen returns a Conn with no interface open. It needs CAP_NET_RAW as soon as
// one is opened.
func Listen() (*Conn, error) {
	event, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("vrrp: open an eventfd: %w", err)
	}
	control, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("vrrp: open a socket: %w", err), unix.Close(event))
	}
	c := &Conn{event: event, control: control, batch: newBatch()}
	c.arrange()
	return c, nil
}

// Shutdown closes every socket. The Conn cannot be used any more, nor may anyone
// still call Wake.
func (c *Conn) Shutdown() error {
	var errs []error
	for _, p := range c.ports {
		errs = append(errs, p.close())
	}
	c.ports = nil
	c.arrange()
	return errors.Join(append(errs, unix.Close(c.control), unix.Close(c.event))...)
}

// Open implements [vrrp.Conn]. On an interface that is open it adds what is
// missing: it joins the group when a port now asks for multicast, and makes the
// sockets anew when the interface has been deleted and made again under its
// name.
func (c *Conn) Open(want vrrp.Port) error {
	index, err := c.index(want.Interface)
	if err != nil {
		return err
	}
	i := c.find(want.Interface, want.IPv6)
	if i < 0 {
		p, err := openPort(want, index)
		if err != nil {
			return err
		}
		c.ports = append(c.ports, p)
		c.arrange()
		return nil
	}
	old := c.ports[i]
	if old.index == index {
		if want.Multicast {
			return old.join()
		}
		return nil
	}
	want.Multicast = want.Multicast || old.multicast
	p, err := openPort(want, index)
	if err != nil {
		return err
	}
	c.batch.drop(old)
	c.ports[i] = p
	c.arrange()
	return old.close()
}

// Close implements [vrrp.Conn]. On an interface that is not open it does nothing.
func (c *Conn) Close(p vrrp.Port) error {
	i := c.find(p.Interface, p.IPv6)
	if i < 0 {
		return nil
	}
	old := c.ports[i]
	c.batch.drop(old)
	c.ports = append(c.ports[:i], c.ports[i+1:]...)
	c.arrange()
	return old.close()
}

// Wake implements [vrrp.Conn].
func (c *Conn) Wake() {
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	// It can only fail when the counter is full, and then Recv wakes anyhow.
	_, _ = unix.Write(c.event, one[:])
}

// Recv implements [vrrp.Conn]. It reads up to 32 packets of one interface at a
// time, and the interfaces in turn. Past the deadline it delivers at most 256
// packets in a row before it reports the deadline, so that a flood delays it by
// less than a millisecond.
func (c *Conn) Recv(deadline vrrp.Instant, p *vrrp.Packet) (now vrrp.Instant, ok bool, err error) {
	looked, woken := false, false
	for now = Now(); ; {
		if now < deadline {
			c.overdue = 0
		} else if c.overdue >= maxOverdue {
			c.overdue = 0
			return now, false, nil
		}
		ok, read := c.batch.take(p)
		c.overdue += read
		if ok {
			return now, true, nil
		}
		if woken || looked && read == 0 && now >= deadline {
			c.overdue = 0
			return now, false, nil
		}
		if now, err = c.wait(now, deadline); err != nil {
			return now, false, err
		}
		looked, woken = true, c.drain()
		if err := c.read(); err != nil {
			return now, false, err
		}
	}
}

// wait sleeps until something is readable or the deadline is there, whichever
// comes first, and returns the time of waking.
func (c *Conn) wait(now, deadline vrrp.Instant) (vrrp.Instant, error) {
	var timeout *unix.Timespec
	if deadline != vrrp.Never {
		ts := unix.NsecToTimespec(int64(max(0, deadline.Sub(now))))
		timeout = &ts
	}
	_, err := unix.Ppoll(c.polled, timeout, nil)
	now = Now()
	if err != nil {
		for i := range c.polled {
			c.polled[i].Revents = 0
		}
		if !errors.Is(err, unix.EINTR) {
			return now, fmt.Errorf("vrrp: wait for adverts: %w", err)
		}
	}
	return now, nil
}

// drain resets the event and tells whether Wake had been called.
func (c *Conn) drain() bool {
	if c.polled[0].Revents == 0 {
		return false
	}
	var count [8]byte
	_, _ = unix.Read(c.event, count[:]) // nothing there is fine too
	return true
}

// read reads from the next readable port after the one that had its turn last.
func (c *Conn) read() error {
	for range c.ports {
		i := c.next % len(c.ports)
		c.next = i + 1
		if c.polled[i+1].Revents == 0 {
			continue
		}
		if ok, err := c.batch.fill(c.ports[i]); ok || err != nil {
			return err
		}
	}
	return nil
}

// Send implements [vrrp.Conn].
func (c *Conn) Send(t vrrp.Transmission) error {
	i := c.find(t.Interface, t.Dst.Is6())
	if i < 0 {
		return fmt.Errorf("vrrp: send on %s: not open", t.Interface)
	}
	switch {
	case t.MAC != (vrrp.MAC{}):
		return c.writer.writeFrame(c.ports[i], t)
	case c.ports[i].ipv6:
		return c.writer.write6(c.ports[i], t)
	}
	return c.writer.write(c.ports[i], t)
}

// find returns the place of an interface and family among the ports, or -1.
func (c *Conn) find(name string, ipv6 bool) int {
	for i, p := range c.ports {
		if p.name == name && p.ipv6 == ipv6 {
			return i
		}
	}
	return -1
}

// arrange makes the list to poll agree with the ports.
func (c *Conn) arrange() {
	c.polled = append(c.polled[:0], unix.PollFd{Fd: int32(c.event), Events: unix.POLLIN})
	for _, p := range c.ports {
		c.polled = append(c.polled, unix.PollFd{Fd: int32(p.in), Events: unix.POLLIN})
	}
}

// index looks an interface up by name, with an ioctl: netlink has no place in
// the loop.
func (c *Conn) index(name string) (int, error) {
	req, err := unix.NewIfreq(name)
	if err != nil {
		return 0, fmt.Errorf("vrrp: open %s: %w", name, err)
	}
	if err := unix.IoctlIfreq(c.control, unix.SIOCGIFINDEX, req); err != nil {
		return 0, fmt.Errorf("vrrp: open %s: %w", name, err)
	}
	return int(req.Uint32()), nil
}
