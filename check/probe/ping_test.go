package probe

import (
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"failover/check"
)

// responder answers one echo request.
type responder func(reply func(icmp.Echo), request icmp.Echo)

func answersNothing(func(icmp.Echo), icmp.Echo) {}

// answersInPieces sends what is no answer before the answer.
func answersInPieces(reply func(icmp.Echo), request icmp.Echo) {
	for i := range len(request.Data) {
		reply(icmp.Echo{ID: request.ID, Seq: request.Seq, Data: request.Data[:i]})
	}
	reply(request)
}

// answersAnother brings back another token.
func answersAnother(reply func(icmp.Echo), request icmp.Echo) {
	request.Data = []byte("what nobody asked")
	reply(request)
}

// answersForever goes on with wrong answers, bounded by the test's deadline.
func answersForever(reply func(icmp.Echo), request icmp.Echo) {
	request.Data = []byte("what nobody asked")
	for end := time.Now().Add(2 * timeout); time.Now().Before(end); {
		reply(request)
	}
}

var tracked = netip.MustParseAddrPort("192.0.2.1:0")

// hostRoute is the way to the tracked address.
func hostRoute() *net.IPNet {
	return &net.IPNet{IP: tracked.Addr().AsSlice(), Mask: net.CIDRMask(32, 32)}
}

// kernelAnswers makes the address one of a namespace of its own.
func kernelAnswers(t *testing.T) check.Spec {
	namespace(t)
	lo, err := netlink.LinkByName("lo")
	must(t, err)
	must(t, netlink.LinkSetUp(lo))
	must(t, netlink.AddrAdd(lo, &netlink.Addr{IPNet: hostRoute()}))
	return patient(spec(check.Ping, tracked))
}

// unreachable makes it one that the routing table refuses.
func unreachable(t *testing.T) check.Spec {
	s := kernelAnswers(t)
	s.Target = netip.MustParseAddrPort("192.0.2.2:0")
	to := hostRoute()
	to.IP[3] = 2
	must(t, netlink.RouteAdd(&netlink.Route{Dst: to, Type: unix.RTN_UNREACHABLE}))
	return s
}

// onAddress makes it answer in a way that is not the kernel's.
func onAddress(answer responder) func(*testing.T) check.Spec {
	return func(t *testing.T) check.Spec {
		s := kernelAnswers(t)
		s.Timeout = timeout
		ignoreEchoes(t)
		respond(t, answer)
		return s
	}
}

// An address of the other family, and a socket that needs no privilege.
func TestPingWithoutPrivilege(t *testing.T) {
	kernelAnswers(t)
	must(t, os.WriteFile("/proc/sys/net/ipv4/ping_group_range", []byte("0 2147483647"), 0o600))
	for _, a := range []string{"192.0.2.1", "::1"} {
		s := patient(spec(check.Ping, netip.AddrPortFrom(netip.MustParseAddr(a), 0)))
		if r := ask(t, s); !r.OK {
			t.Errorf("%s: %s", a, r.Detail)
		}
	}
	must(t, os.WriteFile("/proc/sys/net/ipv4/ping_group_range", []byte("1 0"), 0o600))
	if r := ask(t, patient(spec(check.Ping, netip.MustParseAddrPort("[::1]:0")))); !r.OK {
		t.Errorf("with a raw socket: %s", r.Detail)
	}
}

// ignoreEchoes keeps the kernel of the namespace from answering.
func ignoreEchoes(t *testing.T) {
	t.Helper()
	must(t, os.WriteFile("/proc/sys/net/ipv4/icmp_echo_ignore_all", []byte("1"), 0o600))
}

// respond answers echo requests to 192.0.2.1 until the test ends.
func respond(t *testing.T, answer responder) {
	t.Helper()
	conn, err := icmp.ListenPacket("ip4:icmp", "192.0.2.1")
	must(t, err)
	ended := make(chan struct{})
	t.Cleanup(func() { conn.Close(); <-ended })
	go func() {
		defer close(ended)
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			m, err := icmp.ParseMessage(1, buf[:n])
			if err != nil || m.Type != ipv4.ICMPTypeEcho {
				continue
			}
			answer(func(e icmp.Echo) {
				b, err := (&icmp.Message{Type: ipv4.ICMPTypeEchoReply, Body: &e}).Marshal(nil)
				if err == nil {
					_, _ = conn.WriteTo(b, from) // the one who asked may have gone
				}
			}, *m.Body.(*icmp.Echo))
		}
	}()
}
