package director

import (
	"sync"
	"time"

	"failover/check"
	"failover/conf"
	"failover/internal/ipc"
	"failover/internal/peer"
	"failover/internal/policy"
)

// verdictsOf is what the checks here say, for the other directors; nil: more than a beat
// can carry.
func verdictsOf(w policy.World, now time.Time) *peer.Verdicts {
	all := policy.Checked(w.Node)
	v := &peer.Verdicts{Checked: len(all), Down: []peer.Down{}, Unknown: []int64{}}
	for i, id := range all {
		switch own := w.Verdicts[id]; own.Status {
		case check.Up:
		case check.Down:
			v.Down = append(v.Down, peer.Down{int64(i), max(0, now.Sub(own.Since).Milliseconds())})
		default:
			v.Unknown = append(v.Unknown, int64(i))
		}
	}
	if len(v.Down)+len(v.Unknown) > peer.MaxVerdicts {
		return nil
	}
	return v
}

// jitter is how far two beats may be apart on when a server went down: on their way
// they take one time longer than another.
const jitter = time.Second

// otherOf is what another director says of the real servers of a node, where it can be
// understood; before is what it said before.
func otherOf(n conf.Node, v peer.View, before policy.Other) (o policy.Other, ok bool) {
	all, told := policy.Checked(n), v.Beat.Verdicts
	if !v.Reachable || told == nil || v.Beat.ConfigDigest != n.Digest || told.Checked != len(all) {
		return policy.Other{}, false
	}
	known := func(number int64) bool { return number >= 0 && number < int64(len(all)) }
	o = policy.Other{Director: v.Name, Down: make(map[check.ID]time.Time, len(told.Down)), Unknown: make(map[check.ID]bool, len(told.Unknown))}
	for _, d := range told.Down {
		if !known(d[0]) || d[1] < 0 {
			return policy.Other{}, false
		}
		id := all[d[0]]
		since := v.Heard.Add(-time.Duration(d[1]) * time.Millisecond)
		if was, down := before.Down[id]; down && was.Sub(since).Abs() < jitter {
			since = was
		}
		o.Down[id] = since
	}
	for _, number := range told.Unknown {
		if !known(number) {
			return policy.Other{}, false
		}
		o.Unknown[all[number]] = true
	}
	return o, true
}

// saying is what a director says of the real servers of one configuration.
type saying struct {
	digest string
	ok     bool // it says anything
	other  policy.Other
}

// listener passes on what the others say when it is news.
type listener struct {
	mu   sync.Mutex
	said map[string]saying
}

// hear takes a view in.
func (l *listener) hear(n conf.Node, v peer.View) (s saying, news bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	was, heard := l.said[v.Name]
	s.digest = n.Digest
	s.other, s.ok = otherOf(n, v, was.other)
	if heard && was.digest == s.digest && was.ok == s.ok && was.other.Alike(s.other) {
		return s, false
	}
	if l.said == nil {
		l.said = map[string]saying{}
	}
	l.said[v.Name] = s
	return s, true
}

// forget makes whatever is said next news.
func (l *listener) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.said = nil
}

// hearVerdicts passes on what another director's checks say.
func (d *Director) hearVerdicts(v peer.View) {
	s := d.shown.Load()
	if s == nil {
		return // nothing is decided yet; the next beat says it again
	}
	if said, news := d.listener.hear(s.world.Node, v); news {
		d.box.said(v.Name, said)
	}
}

// takeSayings puts what the others say into the world; loop only.
func (d *Director) takeSayings(said map[string]saying) {
	if len(said) == 0 {
		return
	}
	others := map[string]policy.Other{}
	for _, o := range d.world.Others {
		others[o.Director] = o
	}
	for name, s := range said {
		delete(others, name)
		if s.ok && s.digest == d.world.Node.Digest {
			others[name] = s.other
		}
	}
	d.world.Others = nil
	for _, p := range d.world.Node.Peers {
		if o, there := others[p.Name]; there {
			d.world.Others = append(d.world.Others, o)
		}
	}
}

// agree brings the verdicts of the directors together; loop only.
func (d *Director) agree() {
	now := time.Now()
	if !d.world.Node.PeerLink {
		d.world.Others = nil // the link has gone with a reload
	}
	was := d.world.Disputes
	d.world.Disputes = policy.Agree(now, &d.world)
	if ends := d.world.Disputes.Ends; !ends.IsZero() && !ends.Equal(was.Ends) {
		d.lookIn(ends.Sub(now))
	}
	d.logDisputes(was)
	before := d.world.Behind
	d.world.Behind = policy.Follow(now, &d.world)
	for group, b := range d.world.Behind {
		if !b.Since.IsZero() && !b.Since.Equal(before[group].Since) {
			d.lookIn(policy.Patience(d.world.Node, group))
		}
		if b.Low != before[group].Low {
			d.log.Info("another director sees more real servers", "group", group, "yields", b.Low, "detail", b.Text())
		}
	}
}

// logDisputes tells of the real servers on which the directors go apart.
func (d *Director) logDisputes(was policy.Disputes) {
	for id, one := range was.Open {
		if _, still := d.world.Disputes.Open[id]; still {
			continue
		}
		for _, o := range d.world.Others {
			if _, differ := policy.Differ(time.Now(), &d.world, o, id); differ {
				d.log.Warn("the directors see a real server differently, each goes by its own checks",
					"virtual_server", id.VirtualServer, "real_server", id.RealServer,
					"here", string(d.world.Verdicts[id].Status), one.Director, string(o.Says(id)))
			}
		}
	}
}

// sendFollows tells the engine whether the table goes by another director's word.
func (d *Director) sendFollows() {
	follows := d.world.Disputes.Borrowed()
	if follows == d.follows {
		return
	}
	if err := d.o.Line.Send(ipc.ToEngine{Follows: &follows}); err != nil {
		d.box.gone(err)
		return
	}
	d.follows = follows
}

// prepare has the table go by the checks here, in one batch, before the addresses of a
// group go up.
func (d *Director) prepare(group string) {
	a := &await{done: make(chan []string, 1), alone: true}
	d.box.await(a)
	select {
	case <-a.done:
	case <-d.ctx.Done():
		return
	}
	if err := d.o.Line.Send(ipc.ToEngine{Prepared: group}); err != nil {
		d.box.gone(err)
	}
}
