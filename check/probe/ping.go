package probe

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"failover/check"
)

// tokenLength is the number of random bytes in an echo request: a reply counts
// when it brings them back.
const tokenLength = 16

// ping sends one ICMP echo request (RFC 792, RFC 4443 section 4.1) and waits for
// the reply. It uses a ping socket where net.ipv4.ping_group_range permits that,
// else a raw one, which needs CAP_NET_RAW.
type ping struct{}

// Probe asks the address.
func (ping) Probe(ctx context.Context, s check.Spec) check.Result {
	e, err := newEcho(s.Target.Addr().Unmap())
	if err != nil {
		return failed("open a socket for ICMP: %v", cause(err))
	}
	defer e.conn.Close()
	defer context.AfterFunc(ctx, func() { _ = e.conn.SetDeadline(time.Unix(1, 0)) })()
	if err := e.ask(); err != nil {
		return broken(ctx, s, err, "asking")
	}
	if err := e.await(); err != nil {
		return broken(ctx, s, err, "waiting for the reply")
	}
	return passed("reply")
}

// echo is one request and the socket it goes by.
type echo struct {
	conn   *icmp.PacketConn
	to     net.Addr
	target netip.Addr
	token  []byte
}

func newEcho(target netip.Addr) (*echo, error) {
	e := &echo{target: target, token: make([]byte, tokenLength)}
	_, _ = rand.Read(e.token) // never fails
	datagram, raw := "udp4", "ip4:icmp"
	if target.Is6() {
		datagram, raw = "udp6", "ip6:ipv6-icmp"
	}
	var err error
	if e.conn, err = icmp.ListenPacket(datagram, ""); err == nil {
		e.to = &net.UDPAddr{IP: target.AsSlice()}
		return e, nil
	}
	if !errors.Is(err, os.ErrPermission) {
		return nil, err
	}
	if e.conn, err = icmp.ListenPacket(raw, ""); err != nil {
		return nil, err
	}
	e.to = &net.IPAddr{IP: target.AsSlice()}
	return e, e.filter()
}

// filter keeps everything but echo replies from a raw socket, which would hear
// all ICMP of the machine.
func (e *echo) filter() error {
	if p := e.conn.IPv6PacketConn(); p != nil {
		var f ipv6.ICMPFilter
		f.SetAll(true)
		f.Accept(ipv6.ICMPTypeEchoReply)
		return p.SetICMPFilter(&f)
	}
	var f ipv4.ICMPFilter
	f.SetAll(true)
	f.Accept(ipv4.ICMPTypeEchoReply)
	return e.conn.IPv4PacketConn().SetICMPFilter(&f)
}

func (e *echo) ask() error {
	m := icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &icmp.Echo{
		// Of a ping socket the kernel sets the identifier; the token makes it unique
		// anyway.
		ID: int(e.token[0])<<8 | int(e.token[1]), Seq: 1, Data: e.token,
	}}
	if e.target.Is6() {
		m.Type = ipv6.ICMPTypeEchoRequest
	}
	b, err := m.Marshal(nil) // the kernel adds the checksum of ICMPv6
	if err != nil {
		return err
	}
	_, err = e.conn.WriteTo(b, e.to)
	return err
}

// await reads until our token comes back from the target.
func (e *echo) await() error {
	buf := make([]byte, 1500)
	protocol := 1 // ICMP for IPv4; IPv6 has 58
	if e.target.Is6() {
		protocol = 58
	}
	for {
		n, from, err := e.conn.ReadFrom(buf)
		if err != nil {
			return err
		}
		m, err := icmp.ParseMessage(protocol, buf[:n])
		if err != nil || m.Type != ipv4.ICMPTypeEchoReply && m.Type != ipv6.ICMPTypeEchoReply {
			continue
		}
		if reply, ok := m.Body.(*icmp.Echo); ok && bytes.Equal(reply.Data, e.token) && sender(from) == e.target {
			return nil
		}
	}
}

// sender is the address a packet came from.
func sender(a net.Addr) netip.Addr {
	var ip net.IP
	switch a := a.(type) {
	case *net.UDPAddr:
		ip = a.IP
	case *net.IPAddr:
		ip = a.IP
	}
	from, _ := netip.AddrFromSlice(ip)
	return from.Unmap()
}
