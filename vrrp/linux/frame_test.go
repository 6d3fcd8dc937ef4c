package linux

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/mdlayher/ethernet"
	"github.com/mdlayher/packet"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"failover/vrrp"
)

// RFC 9568 section 7.2: adverts come from the virtual MAC address; nothing else of
// them is another than without.
func TestAdvertsFromAVirtualMAC(t *testing.T) {
	a, b := pair(t)
	from, to := a.listen(vrrp.Port{Interface: "eth0", Multicast: true}), b.listen(vrrp.Port{Interface: "eth0", Multicast: true})
	wire := b.captureProtocol(unix.ETH_P_IP)
	payload := []byte{0x31, 51, 100, 1, 0, 100, 0, 0, 192, 0, 2, 10}
	x := vrrp.Transmission{Interface: "eth0", Src: addr("192.0.2.1"), Dst: addr("224.0.0.18"), Payload: payload}
	for range 3 {
		x.MAC = vrrp.VirtualMAC(51, false)
		a.do(func() error { return from.Send(x) })
		got := receive(t, to)
		if got.Src != x.Src || got.Dst != x.Dst || got.TTL != 255 || !bytes.Equal(got.Payload, payload) {
			t.Errorf("received %+v", got)
		}
		special := advertFrame(t, wire)
		same(t, "frame", special.Source.String()+" "+special.Destination.String(), "00:00:5e:00:01:33 01:00:5e:00:00:12")
		h, err := ipv4.ParseHeader(special.Payload)
		if err != nil {
			t.Fatal(err)
		}
		if h.TOS != 0xc0 || h.Protocol != 112 || h.TotalLen != 32 || h.TTL != 255 || h.Flags != 0 || h.ID == 0 {
			t.Errorf("header %v", h)
		}
		var sum uint32
		for i := 0; i < h.Len; i += 2 {
			sum += uint32(binary.BigEndian.Uint16(special.Payload[i:]))
		}
		if sum = sum>>16 + sum&0xffff; sum != 0xffff {
			t.Errorf("checksum: the header sums up to %#x", sum)
		}
		silent(t, from)
	}
}

// advertFrame reads frames until one with an advert over IPv4.
func advertFrame(t *testing.T, c *packet.Conn) (f ethernet.Frame) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	for b := make([]byte, 2048); ; {
		n, _, err := c.ReadFrom(b)
		if err == nil {
			err = f.UnmarshalBinary(bytes.Clone(b[:n]))
		}
		if err != nil {
			t.Fatal(err)
		}
		if f.Payload[9] == protocolVRRP {
			return f
		}
	}
}

func TestAdvertsFromAVirtualMACIPv6(t *testing.T) {
	a, b := pair6(t)
	port := vrrp.Port{Interface: "eth0", IPv6: true, Multicast: true}
	from, to := a.listen(port), b.listen(port)
	wire := b.captureIPv6()
	advert := vrrp.Advert{VRID: 51, Priority: 100, Interval: time.Second, Addresses: []netip.Addr{addr("fe80::200:5eff:fe00:233")}}
	payload := advert.Append(nil, addr("fe80::1"), multicast6)
	x := vrrp.Transmission{Interface: "eth0", MAC: vrrp.VirtualMAC(51, true), Src: addr("fe80::1"), Dst: multicast6, Payload: payload}
	a.do(func() error { return from.Send(x) })
	got := receive(t, to)
	if got.Src != addr("fe80::1") || got.Dst != multicast6 || got.TTL != 255 || !bytes.Equal(got.Payload, payload) {
		t.Errorf("received %+v", got)
	}
	f := frame6(t, wire, func(p []byte) bool { return p[6] == protocolVRRP })
	same(t, "frame", f.Source.String()+" "+f.Destination.String(), "00:00:5e:00:02:33 33:33:00:00:00:12")
	same(t, "traffic class", f.Payload[0]<<4|f.Payload[1]>>4, 0xc0)
}

func TestErrorsOfFramesNameOperationAndSubject(t *testing.T) {
	a, _ := pair(t)
	c := a.listen(vrrp.Port{Interface: "eth0", Multicast: true})
	x := vrrp.Transmission{Interface: "eth0", MAC: vrrp.VirtualMAC(51, false), Src: addr("192.0.2.1"), Payload: make([]byte, 12)}
	for dst, src := range map[string]netip.Addr{"192.0.2.2": x.Src, "224.0.0.18": {}} {
		x.Dst, x.Src = addr(dst), src
		if err := c.Send(x); err == nil || !strings.Contains(err.Error(), "not possible") {
			t.Errorf("to %s from %v: %v", dst, src, err)
		}
	}
	a.down("eth0")
	x.Src, x.Dst = addr("192.0.2.1"), addr("224.0.0.18")
	err := a.try(func() error { return c.Send(x) })
	if err == nil || err.Error() != "vrrp: send on eth0 from 00:00:5e:00:01:33 to 224.0.0.18: network is down" {
		t.Errorf("link down: %v", err)
	}
	a.up("eth0")
	a.do(func() error { return c.Send(x) })
}
