package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"failover/e2e/lab"
)

// heldAge is how long a connection is held before something happens: it is in
// the other director's table by then.
const heldAge = 5 * time.Second

// clients are a stream of fresh requests and the held connections while
// something happens.
type clients struct {
	t      *testing.T
	s      *scene
	stream *lab.Stream
	held   bool
}

// clients lets clients send requests; with held they also have connections that
// are older than heldAge and known to both directors. The pair is whole and the
// requests are answered when it returns.
func (s *scene) clients(t *testing.T, held bool) *clients {
	t.Helper()
	s.settled(t)
	if held {
		s.hold(t)
	}
	return s.stream(t, held)
}

// clientsOf are clients of a director that has taken over.
func (s *scene) clientsOf(t *testing.T, n *lab.Node) *clients {
	t.Helper()
	if has, err := n.Holds(lab.VirtualOutside.Addr()); err != nil || !has {
		t.Fatalf("%s has no virtual address (%v)", n.Name, err)
	}
	s.held.Lap()
	return s.stream(t, true)
}

func (s *scene) stream(t *testing.T, held bool) *clients {
	t.Helper()
	c := &clients{t: t, s: s, held: held, stream: s.Client.Stream(lab.StreamSpec{
		URL: "http://" + lab.Service + "/", Every: every,
	})}
	t.Cleanup(func() { c.stream.Stop() })
	c.served(time.Now(), 20*time.Second)
	return c
}

// hold opens the held connections unless all are open from an earlier scenario,
// and waits until they are old and in both tables.
func (s *scene) hold(t *testing.T) {
	t.Helper()
	s.age(t)
	// Reading its connections is work for the kernel.
	eventually(t, 30*time.Second, "the held connections are in both tables", seldom(500*time.Millisecond, func() (bool, error) {
		conns := s.held.Conns()
		for _, n := range s.Directors() {
			if known, err := s.known(n, conns); err != nil || known < len(conns) {
				return false, err
			}
		}
		return true, nil
	}))
	s.held.Lap()
}

// seldom asks no more often than once in d, and says no meanwhile.
func seldom(d time.Duration, ok func() (bool, error)) func() (bool, error) {
	var last time.Time
	return func() (bool, error) {
		if time.Since(last) < d {
			return false, nil
		}
		last = time.Now()
		return ok()
	}
}

// age opens the held connections unless all are open, and waits until they are
// old.
func (s *scene) age(t *testing.T) {
	t.Helper()
	if s.held != nil && s.held.Conns().Broken() > 0 {
		s.held.Stop()
		s.held = nil
	}
	if s.held == nil {
		var err error
		s.held, err = s.Client.Hold(within(t, 20*time.Second), lab.HeldSpec{Address: lab.Service, Every: 400 * time.Millisecond})
		must(t, err)
	}
	eventually(t, 2*heldAge, "the held connections are old", func() (bool, error) {
		return !slices.ContainsFunc(s.held.Conns(), func(c lab.HeldConn) bool { return time.Since(c.Opened) < heldAge }), nil
	})
	s.held.Lap()
}

// known counts the connections that a director's IPVS has as established.
func (s *scene) known(n *lab.Node, conns lab.HeldConns) (int, error) {
	text, err := n.ReadFile("/proc/thread-self/net/ip_vs_conn")
	if err != nil {
		return 0, err
	}
	established := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		// Pro FromIP FPrt ToIP TPrt DestIP DPrt State Expires …
		if f := strings.Fields(line); len(f) > 7 && f[7] == "ESTABLISHED" {
			established[f[2]] = true
		}
	}
	count := 0
	for _, c := range conns {
		if established[fmt.Sprintf("%04X", c.Local.Port())] {
			count++
		}
	}
	return count, nil
}

// served waits until clients are served again: twenty requests sent after since
// are answered, and every held connection that lives has been used.
func (c *clients) served(since time.Time, limit time.Duration) {
	c.t.Helper()
	eventually(c.t, limit, "requests and held connections are answered", func() (bool, error) {
		return c.stream.AnsweredFrom(since) >= 20 && (!c.held || c.s.held.Conns().Since(since)), nil
	})
}

// outcome is what clients saw of an event.
type outcome struct {
	requests lab.Requests
	held     lab.HeldConns
}

// end stops the stream once clients are served again and prints the figures.
func (c *clients) end() outcome {
	c.t.Helper()
	c.served(time.Now(), 20*time.Second)
	o := outcome{requests: c.stream.Stop()}
	figure(c.t, "gap", o.requests.Gap().Seconds(), "s")
	figure(c.t, "requests_failed", float64(len(o.requests.Failed())), "")
	if c.held {
		o.held = c.s.held.Lap()
		figure(c.t, "held_broken", float64(o.held.Broken()), "")
		figure(c.t, "stall", o.held.Stall().Seconds(), "s")
		c.t.Log(o.held)
	}
	c.t.Log(o.requests)
	return o
}

// nothingLost is the promise of everything that is planned or repaired.
func (o outcome) nothingLost(t *testing.T) {
	t.Helper()
	o.noneBroken(t)
	if n := len(o.requests.Failed()); n > 0 {
		t.Errorf("%d requests failed, want none", n)
	}
}

// noneBroken is the promise of every event that the other director survives.
func (o outcome) noneBroken(t *testing.T) {
	t.Helper()
	if n := o.held.Broken(); n > 0 {
		t.Errorf("%d held connections broken, want none", n)
	}
}
