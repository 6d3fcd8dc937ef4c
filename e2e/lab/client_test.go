package lab

import (
	"errors"
	"net"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func itoa(n int) string { return strconv.Itoa(n) }

// at is a request in milliseconds.
func at(start, took int, err error) Request {
	return Request{Start: time.UnixMilli(int64(start)), Took: time.Duration(took) * time.Millisecond, Err: err}
}

func TestGap(t *testing.T) {
	lost := errors.New("lost")
	tests := []struct {
		name string
		list Requests
		gap  int
	}{
		{"none", nil, 0},
		{"steady", Requests{at(0, 5, nil), at(20, 5, nil), at(40, 5, nil)}, 20},
		{"one slow", Requests{at(0, 5, nil), at(20, 300, nil), at(40, 5, nil), at(60, 5, nil)}, 40},
		{"hole", Requests{at(0, 5, nil), at(20, 10, lost), at(40, 10, lost), at(60, 5, nil)}, 60},
		{"late first", Requests{at(0, 10, lost), at(100, 5, nil)}, 105},
		{"never again", Requests{at(0, 5, nil), at(20, 1000, lost)}, 1015},
		{"one given up after the end", Requests{at(0, 5, nil), at(20, 10000, lost), at(40, 5, nil)}, 40},
		{"one answered after the end", Requests{at(0, 5, nil), at(20, 3000, nil), at(40, 5, nil)}, 40},
		{"nothing", Requests{at(0, 50, lost), at(20, 50, lost)}, 70},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.list.Gap(); got != time.Duration(tt.gap)*time.Millisecond {
				t.Errorf("gap %v, want %d ms", got, tt.gap)
			}
		})
	}
}

// TestStreamSeesAnOutage sends requests straight to web1 while that is down for
// a while.
func TestStreamSeesAnOutage(t *testing.T) {
	l := newLab(t)
	s := l.LB1.Stream(StreamSpec{URL: "http://192.168.33.92/", Every: 5 * time.Millisecond, Timeout: time.Second})
	answered := func(n int) func() (bool, error) {
		return func() (bool, error) { return s.So().Servers()["web1"] >= n, nil }
	}
	if err := Eventually(within(t, 10*time.Second), "20 answers", answered(20)); err != nil {
		t.Fatal(err)
	}
	l.Web1.Stop()
	down := time.Now()
	if err := Eventually(within(t, 10*time.Second), "20 failures", func() (bool, error) { return len(s.So().Failed()) >= 20, nil }); err != nil {
		t.Fatal(err)
	}
	if err := l.Web1.Start(); err != nil {
		t.Fatal(err)
	}
	outage := time.Since(down)
	before := s.So().Servers()["web1"]
	if err := Eventually(within(t, 10*time.Second), "20 more", answered(before+20)); err != nil {
		t.Fatal(err)
	}
	all := s.Stop()
	failed := all.Failed()
	if len(failed) < 20 || !errors.Is(failed[len(failed)-1].Err, syscall.ECONNREFUSED) {
		t.Errorf("%v", all)
	}
	if gap := all.Gap(); gap < outage*8/10 {
		t.Errorf("gap %v, the outage was %v", gap, outage)
	}
}

func TestSilentServer(t *testing.T) {
	l := newLab(t)
	l.Web1.Silence()
	s := l.LB1.Stream(StreamSpec{URL: "http://192.168.33.92/", Every: 10 * time.Millisecond, Timeout: 200 * time.Millisecond})
	if err := Eventually(within(t, 10*time.Second), "failures", func() (bool, error) { return len(s.So().Failed()) >= 3, nil }); err != nil {
		t.Fatal(err)
	}
	l.Web1.Speak()
	if err := Eventually(within(t, 10*time.Second), "answers", func() (bool, error) { return s.So().Servers()["web1"] >= 3, nil }); err != nil {
		t.Fatal(err)
	}
	for _, r := range s.Stop().Failed() {
		if r.Took < 150*time.Millisecond {
			t.Errorf("a silent server failed a request after %v: %v", r.Took, r.Err)
		}
	}
}

func TestHeldConnections(t *testing.T) {
	l := newLab(t)
	h, err := l.LB1.Hold(within(t, 10*time.Second), HeldSpec{Address: "192.168.33.93:80", Count: 5, Every: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	exchanged := func(n int) func() (bool, error) {
		return func() (bool, error) {
			for _, c := range h.Conns() {
				if c.Exchanges < n {
					return false, nil
				}
			}
			return true, nil
		}
	}
	if err := Eventually(within(t, 10*time.Second), "exchanges", exchanged(5)); err != nil {
		t.Fatal(err)
	}
	if cs := h.Conns(); cs.Broken() != 0 || cs[0].Server != "web2" {
		t.Errorf("%v", cs)
	}
	// A stall: the cable is out for a moment, TCP mends it.
	if err := l.Isolate(l.LB1, "inside"); err != nil {
		t.Fatal(err)
	}
	out := time.Now()
	if err := Eventually(within(t, 5*time.Second), "half a second", func() (bool, error) { return time.Since(out) > 500*time.Millisecond, nil }); err != nil {
		t.Fatal(err)
	}
	if err := l.Restore(l.LB1); err != nil {
		t.Fatal(err)
	}
	so := h.Conns()[0].Exchanges
	if err := Eventually(within(t, 20*time.Second), "exchanges again", exchanged(so+5)); err != nil {
		t.Fatal(err)
	}
	if cs := h.Conns(); cs.Broken() != 0 || cs.Stall() < 400*time.Millisecond {
		t.Errorf("after a stall: %v", cs)
	}
	l.Web2.Stop()
	if err := Eventually(within(t, 10*time.Second), "all broken", func() (bool, error) { return h.Conns().Broken() == 5, nil }); err != nil {
		t.Fatal(err)
	}
	if s := h.Stop().String(); !strings.Contains(s, "5 held connections, 5 broken") {
		t.Error(s)
	}
}

// TestDialTakesNewPorts: connections that follow one another come from ports of which
// none was used before, of either family.
func TestDialTakesNewPorts(t *testing.T) {
	l := newLab(t)
	used := map[string]bool{}
	for _, family := range []string{"127.0.0.1:0", "[::1]:0"} {
		server, err := l.Client.Listen(family)
		if err != nil {
			t.Fatal(err)
		}
		defer server.Close()
		for range 200 {
			c, err := l.Client.Dial(within(t, 10*time.Second), server.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			_, port, err := net.SplitHostPort(c.LocalAddr().String())
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			if used[port] {
				t.Fatalf("port %s again, after %d connections", port, len(used))
			}
			used[port] = true
		}
	}
}
