package linux

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"failover/vrrp"
)

// viewed is what a view has, one address a line, and what the kernel has.
func viewed(t *testing.T, h *lodger) (have, want string) {
	t.Helper()
	print := func(there map[key]present) string {
		var lines []string
		for _, a := range there {
			lines = append(lines, fmt.Sprintf("%+v", a))
		}
		return fmt.Sprint(slices.Sorted(slices.Values(lines)))
	}
	h.m.do(func() error {
		h.mu.Lock()
		defer h.mu.Unlock()
		there, err := h.list()
		if err != nil {
			return err
		}
		have = print(there)
		all, err := h.kernel.AddrList(nil, unix.AF_UNSPEC)
		asked := map[key]present{}
		for _, a := range all {
			asked[presentOf(a).key] = presentOf(a)
		}
		want = print(asked)
		return err
	})
	return have, want
}

// TestViewIsTheTruth: what the events make of a view is what the kernel says when
// it is asked for all addresses, whatever happens to them.
func TestViewIsTheTruth(t *testing.T) {
	m, peer := pair(t)
	connect(m, peer, "eth1")
	h := newHost(m)
	h.mustHold(full(), full6())
	asked := h.view.asked
	for _, step := range [][]string{
		{"addr", "add", "192.0.2.77/24", "dev", "eth0", "label", "eth0:x"},
		{"addr", "add", "192.0.2.78/24", "dev", "eth0"},
		{"addr", "add", "10.0.0.1", "peer", "10.0.0.2/30", "dev", "eth0"},
		{"addr", "replace", "203.0.113.9/24", "dev", "eth1"}, // whose it was
		{"-6", "addr", "add", "2001:db8:5::1/64", "dev", "eth0"},
		{"-6", "addr", "add", "2001:db8:6::1", "peer", "2001:db8:6::2/64", "dev", "eth0", "nodad"},
		{"addr", "change", "192.0.2.78/24", "dev", "eth0", "valid_lft", "100", "preferred_lft", "50"},
		{"addr", "del", "192.0.2.1/24", "dev", "eth0"}, // a primary, with its secondaries
		{"link", "set", "eth0", "down"}, {"link", "set", "eth0", "up"},
		{"addr", "flush", "dev", "eth1"},
		{"link", "del", "eth1"},
	} {
		m.ip(step...)
		if err := eventually(func() bool { // IPv6 tells later
			have, want := viewed(t, h)
			return have == want
		}); err != nil {
			have, want := viewed(t, h)
			t.Errorf("after %v: %s\nwant %s", step, have, want)
		}
	}
	if h.view.asked != asked {
		t.Error("the kernel was asked for all addresses, so this proves nothing")
	}
}

// TestViewHearsLater: the kernel hands an event to one socket after the other, and
// sleeps in between where that lets a real-time thread run. Who has heard of a change
// of addresses sees it, though the view has not heard of it yet.
func TestViewHearsLater(t *testing.T) {
	a, b := newMachine(t), newMachine(t)
	connect(a, b, "eth0")
	h := newHost(a)
	h.mustHold(vrrp.OwnedAddress{Interface: "eth0", Address: prefix("203.0.113.9/24")})
	a.do(func() error { // as long as the test takes, it hears of nothing
		h.mu.Lock()
		defer h.mu.Unlock()
		deaf, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
		if err == nil {
			err = h.view.close()
			h.view.events = deaf
		}
		return err
	})
	o := h.watch("eth0")
	o.until("no source", func(l vrrp.Link) bool { return !l.Source4.IsValid() })
	a.address("eth0", "192.0.2.9/24")
	o.until("a source", func(l vrrp.Link) bool { return l.Source4 == addr("192.0.2.9") })
	a.unaddress("eth0", "192.0.2.9/24")
	o.until("no source again", func(l vrrp.Link) bool { return !l.Source4.IsValid() })
	a.unaddress("eth0", "203.0.113.9/24")
	o.loses("203.0.113.9/24")
}

// eventually waits until something is so.
func eventually(so func() bool) error {
	for end := time.Now().Add(patience); !so(); {
		if time.Now().After(end) {
			return fmt.Errorf("not within %v", patience)
		}
	}
	return nil
}

// TestRenewalsAskForLittle: hundreds of groups renew on one look at the machine.
func TestRenewalsAskForLittle(t *testing.T) {
	m, _ := pair(t)
	h := newHost(m)
	for i := range 50 {
		h.mustSet(fmt.Sprint("g", i), 30, fmt.Sprintf("192.0.2.%d/24", 100+i))
	}
	asked := h.view.asked
	for i := range 50 {
		same(t, "added", h.mustSet(fmt.Sprint("g", i), 30, fmt.Sprintf("192.0.2.%d/24", 100+i)), 0)
	}
	if time.Since(asked) < viewLasts && h.view.asked != asked {
		t.Error("the kernel was asked for all addresses again")
	}
	m.unaddress("eth0", "192.0.2.120/24")
	same(t, "added after a stranger's removal", h.mustSet("g20", 30, "192.0.2.120/24"), 1)
}

// TestViewThatHasMissedEvents: what the kernel could not queue is asked for.
func TestViewThatHasMissedEvents(t *testing.T) {
	m, _ := pair(t)
	h := newHost(m)
	h.mustSet("g", 30, "192.0.2.100/24")
	if err := unix.SetsockoptInt(h.view.events, unix.SOL_SOCKET, unix.SO_RCVBUF, 1); err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		m.address("eth0", fmt.Sprintf("198.51.100.%d/32", i+1))
	}
	if have, want := viewed(t, h); have != want {
		t.Errorf("it has %s\nwant %s", have, want)
	}
}

// FuzzAddressEvent: whatever the message, it is read or refused.
func FuzzAddressEvent(f *testing.F) {
	f.Add([]byte("\x58\x00\x00\x00\x14\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x18\x80\x00\x02\x00\x00\x00\x08\x00\x01\x00\xc0\x00\x02\x01"))
	f.Add([]byte("\x20\x00\x00\x00\x15\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0a\xff\x80\x00\x02\x00\x00\x00\x05\x00\x08\x00\x01\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if kind, p, ok := addressEvent(b); ok && (kind != unix.RTM_NEWADDR && kind != unix.RTM_DELADDR || !p.prefix.IsValid()) {
			t.Errorf("kind %d, %+v", kind, p)
		}
	})
}
