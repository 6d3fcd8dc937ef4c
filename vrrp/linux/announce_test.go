package linux

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/mdlayher/arp"
	"github.com/mdlayher/ethernet"
	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"

	"failover/vrrp"
)

// capture listens to ARP on eth0 of a machine.
func (m *machine) capture() *packet.Conn {
	m.t.Helper()
	return m.captureProtocol(unix.ETH_P_ARP)
}

// captureProtocol listens to one protocol of ethernet on eth0 of a machine.
func (m *machine) captureProtocol(protocol int) *packet.Conn {
	m.t.Helper()
	at := m.link("eth0").Attrs()
	var c *packet.Conn
	m.do(func() (err error) {
		c, err = packet.Listen(&net.Interface{Index: at.Index, Name: at.Name}, packet.Raw, protocol, nil)
		return err
	})
	m.t.Cleanup(func() {
		if err := c.Close(); err != nil {
			m.t.Error(err)
		}
	})
	return c
}

// gratuitousFrame reads frames until a gratuitous one.
func gratuitousFrame(t *testing.T, c *packet.Conn) (ethernet.Frame, arp.Packet) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 2048)
	for {
		n, _, err := c.ReadFrom(b)
		if err != nil {
			t.Fatal(err)
		}
		var f ethernet.Frame
		var p arp.Packet
		if err := f.UnmarshalBinary(bytes.Clone(b[:n])); err != nil {
			t.Fatal(err)
		}
		if err := p.UnmarshalBinary(f.Payload); err != nil {
			t.Fatal(err)
		}
		if p.SenderIP == p.TargetIP {
			return f, p
		}
	}
}

func TestAnnounce(t *testing.T) {
	a, b := pair(t)
	h := newHost(a)
	o := vrrp.Owned{Group: "g", Addresses: []vrrp.OwnedAddress{
		{Interface: "eth0", Address: prefix("192.0.2.10/24")}, {Interface: "eth0", Address: prefix("192.0.2.11/32")},
	}}
	frames := b.capture()
	mac := a.link("eth0").Attrs().HardwareAddr
	for range 2 { // the second round uses the socket of the first
		a.do(func() error { return h.Announce(context.Background(), o) })
		for _, ip := range []string{"192.0.2.10", "192.0.2.11"} {
			for _, want := range []struct {
				op     arp.Operation
				target net.HardwareAddr
			}{{arp.OperationRequest, unknown}, {arp.OperationReply, ethernet.Broadcast}} {
				f, p := gratuitousFrame(t, frames)
				same(t, "destination", f.Destination, ethernet.Broadcast)
				same(t, "source", f.Source, mac)
				same(t, "operation", p.Operation, want.op)
				same(t, "sender", p.SenderHardwareAddr.String()+" "+p.SenderIP.String(), mac.String()+" "+ip)
				same(t, "target", p.TargetHardwareAddr.String()+" "+p.TargetIP.String(), want.target.String()+" "+ip)
			}
		}
	}
}

func TestAnnounceAfterTheLinkWasDown(t *testing.T) {
	a, b := pair(t)
	h := newHost(a)
	o := vrrp.Owned{Group: "g", Addresses: []vrrp.OwnedAddress{{Interface: "eth0", Address: prefix("192.0.2.10/24")}}}
	announce := func() error {
		return a.try(func() error { return h.Announce(context.Background(), o) })
	}
	if err := announce(); err != nil {
		t.Fatal(err)
	}
	a.down("eth0")
	err := announce()
	if !errors.Is(err, unix.ENETDOWN) || !strings.HasPrefix(err.Error(), "vrrp: announce 192.0.2.10 on eth0: ") {
		t.Errorf("link down: %v, want ENETDOWN", err)
	}
	if n := strings.Count(err.Error(), "eth0"); n != 1 {
		t.Errorf("%q names its subject %d times", err, n)
	}
	a.up("eth0")
	if err := announce(); err != nil {
		t.Errorf("link up again: %v", err)
	}
	a.remove("eth0")
	if err := announce(); !errors.Is(err, unix.ENODEV) {
		t.Errorf("no link: %v, want ENODEV", err)
	}
	connect(a, b, "eth0")
	frames := b.capture()
	if err := announce(); err != nil {
		t.Errorf("link made anew: %v", err)
	}
	gratuitousFrame(t, frames)
}

func TestAnnounceWhereThereIsNoARP(t *testing.T) {
	m := newMachine(t)
	h := newHost(m)
	o := vrrp.Owned{Group: "g", Addresses: []vrrp.OwnedAddress{{Interface: "lo", Address: prefix("192.0.2.10/32")}}}
	m.do(func() error { return h.Announce(context.Background(), o) })
}
