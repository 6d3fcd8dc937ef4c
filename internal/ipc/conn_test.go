package ipc

import (
	"io"
	"net"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"failover/vrrp"
)

func TestMessagesCrossTheLine(t *testing.T) {
	engine, file, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Dup(int(file.Fd())) // as a child would inherit it
	file.Close()
	if err != nil {
		t.Fatal(err)
	}
	director, err := OpenDirector(uintptr(fd))
	if err != nil {
		t.Fatal(err)
	}
	want := ToEngine{Configure: &Configure{Realtime: true, Groups: []vrrp.GroupConfig{{
		Name: "nat", Priority: 150, Preempt: true,
		Routers: []vrrp.RouterConfig{{
			Name: "outside", Interface: "eth2", VRID: 51, Interval: time.Second,
			Addresses: []vrrp.Address{{Prefix: netip.MustParsePrefix("172.20.10.4/28")}},
			Source:    netip.MustParseAddr("172.20.10.5"), Transport: vrrp.Unicast,
			Peers: []netip.Addr{netip.MustParseAddr("172.20.10.6")}, Lease: 5 * time.Second,
			Announce: vrrp.Announce{Times: []time.Duration{0, time.Second}},
		}},
	}}}}
	if err := director.Send(want); err != nil {
		t.Fatal(err)
	}
	got, err := engine.Recv()
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}

	tr := vrrp.Transition{At: 7, Group: "nat", From: vrrp.Backup, To: vrrp.Master, Priority: 150,
		Cause: vrrp.Cause{Kind: vrrp.CauseTimeout, Router: "outside", Peer: netip.MustParseAddr("172.20.10.6")}}
	if err := engine.Send(ToDirector{Transition: &tr}); err != nil {
		t.Fatal(err)
	}
	back, err := director.Recv()
	if err != nil || back.Transition == nil || *back.Transition != tr {
		t.Errorf("got %+v, %v, want %+v", back.Transition, err, tr)
	}

	engine.Close()
	if _, err := director.Recv(); err != io.EOF {
		t.Errorf("after the engine has gone: %v, want EOF", err)
	}
}

func TestOversizedMessageIsRefused(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	go func() { _, _ = b.Write([]byte{0xff, 0xff, 0xff, 0xff}) }()
	c := NewConn[ToEngine, ToDirector](a)
	if _, err := c.Recv(); err == nil || !strings.Contains(err.Error(), "at most") {
		t.Errorf("got %v, want a refusal that names the limit", err)
	}
}
