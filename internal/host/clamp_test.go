package host

import (
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"failover/lvs"
)

// Of two tunnels the narrower one counts; without an interface there is no clamp.
func TestSegmentsOf(t *testing.T) {
	web, every := keyOf(lvs.TCP, "192.0.2.1:80"), keyOf(lvs.TCP, "192.0.2.1:0")
	a, b, gone := netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("198.51.100.2"), netip.MustParseAddr("198.51.100.3")
	mtu := map[netip.Addr]int{a: 1500, b: 60}
	for _, c := range []struct {
		name  string
		given []Clamp
		want  []segment
	}{
		{"one", []Clamp{{web, a, 60}}, []segment{{web, 1440}}},
		{"two tunnels", []Clamp{{web, a, 60}, {web, a, 80}, {every, a, 40}}, []segment{{web, 1420}, {every, 1460}}},
		{"no interface", []Clamp{{web, gone, 60}}, nil},
		{"too narrow", []Clamp{{web, b, 60}}, nil},
	} {
		if got := segmentsOf(c.given, mtu); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

// Clients are told a segment that fits into the tunnel, of one port and of every
// one, and another one once the interface is narrower.
func TestSegments(t *testing.T) {
	client, d := newMachine(t), newDirector(t)
	cable(client, d.machine, "eth0", "192.0.2.2/24 fd00::2/64", "192.0.2.1/24 192.0.2.7/24 fd00::1/64 fd00::7/64")
	four, six := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("fd00::1")
	want := Desired{Clamps: []Clamp{
		{keyOf(lvs.TCP, "192.0.2.1:80"), four, 60}, {keyOf(lvs.TCP, "192.0.2.7:0"), four, 60}, {keyOf(lvs.TCP, "192.0.2.7:81"), four, 100},
		{keyOf(lvs.TCP, "[fd00::1]:80"), four, 80}, {keyOf(lvs.TCP, "[fd00::7]:0"), six, 100},
	}}
	d.wish(want)
	for _, mtu := range []int{1500, 1400} {
		if mtu != 1500 {
			d.run("ip link set eth0 mtu 1400")
			if !d.wish(want).GuardWritten {
				t.Error("a narrower interface changes nothing")
			}
		}
		for address, headers := range map[string]int{
			"192.0.2.1:80": 60, "192.0.2.1:81": 40, "192.0.2.7:80": 60, "192.0.2.7:81": 100,
			"[fd00::1]:80": 80, "[fd00::1]:81": 60, "[fd00::7]:80": 100,
		} {
			if mtu == 1500 {
				d.listen(address)
			}
			client.connects(address)
			if got := client.segment(address); got != mtu-headers {
				t.Errorf("MTU %d, %s: the client sends segments of %d bytes, want %d", mtu, address, got, mtu-headers)
			}
		}
		for _, i := range d.look(want) {
			if !i.OK {
				t.Errorf("MTU %d: %s %s is %s", mtu, i.Kind, i.Name, i.Have)
			}
		}
	}
	if d.wish(want).GuardWritten {
		t.Error("written again")
	}
}

func (d *director) look(want Desired) (list []Item) {
	d.t.Helper()
	d.Do(func() error { list = d.r.Look(want); return nil })
	return list
}

// segment is the largest segment that the machine sends on a connection to an
// address, the 12 bytes of timestamps included.
func (m *machine) segment(address string) (size int) {
	m.t.Helper()
	m.Do(func() error {
		c, err := net.DialTimeout("tcp", address, time.Second)
		if err != nil {
			return err
		}
		defer c.Close()
		raw, err := c.(*net.TCPConn).SyscallConn()
		if err != nil {
			return err
		}
		var info *unix.TCPInfo
		if failed := raw.Control(func(fd uintptr) {
			info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		}); failed != nil {
			return failed
		}
		if err == nil {
			size = int(info.Snd_mss) + 12
		}
		return err
	})
	return size
}
