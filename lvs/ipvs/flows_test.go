//go:build linux

package ipvs_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"failover/internal/testenv"
	"failover/lvs"
	"failover/lvs/ipvs"
)

// patience bounds one exchange in the emulated guest.
const patience = 10 * time.Second

// scene is a machine that balances, with its real servers and its clients on
// loopback: every address of 10.77.0.0/16 and 10.78.0.0/16 is its own. A real server
// tells who answered by the last byte of its address.
type scene struct {
	*testing.T
	machine *testenv.Machine
	kernel  *ipvs.Kernel
}

const serverPort = 8080

func newScene(t *testing.T, servers int) *scene {
	t.Helper()
	open(t) // says what is missing
	s := &scene{T: t, machine: testenv.NewMachine(t)}
	s.machine.Do(func() (err error) {
		lo, err := netlink.LinkByName("lo")
		for _, text := range []string{"10.77.0.1/16", "10.78.0.1/16"} {
			address, wrong := netlink.ParseAddr(text)
			err = errors.Join(err, wrong, netlink.AddrAdd(lo, address))
		}
		if err != nil {
			return err
		}
		s.kernel, err = ipvs.Open(t.Context(), slog.New(slog.DiscardHandler))
		return err
	})
	t.Cleanup(func() { s.kernel.Close() })
	for i := range servers {
		s.serve(byte(i + 1))
	}
	return s
}

// server is the address of a real server.
func server(id byte) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 77, 1, id}), serverPort)
}

// client is the address of client number i, from 0.
func client(i int) netip.Addr {
	i++ // the first address of a network is what a persistence mask makes of all of them
	return netip.AddrFrom4([4]byte{10, 78, byte(1 + i>>8), byte(i)})
}

// serve answers on TCP and UDP with the server's number, and keeps connections
// until the client ends them.
func (s *scene) serve(id byte) {
	s.Helper()
	var stream net.Listener
	var packets net.PacketConn
	s.machine.Do(func() (err error) {
		if stream, err = net.Listen("tcp4", server(id).String()); err == nil {
			packets, err = net.ListenPacket("udp4", server(id).String())
		}
		return err
	})
	s.Cleanup(func() { stream.Close(); packets.Close() })
	go func() {
		for {
			c, err := stream.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = c.Write([]byte{id})
				_, _ = c.Read(make([]byte, 1))
			}()
		}
	}()
	go func() {
		b := make([]byte, 16)
		for {
			_, from, err := packets.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = packets.WriteTo([]byte{id}, from)
		}
	}()
}

// virtual is the address of the service.
var virtual = netip.MustParseAddrPort("10.77.0.9:80")

// balance makes one service of the kernel's table: its options as ipvsadm has them
// ("-t", "-s rr"), and those of its servers by number from 1.
func (s *scene) balance(protocol, options string, servers ...string) {
	s.Helper()
	rules := fmt.Sprintf("-A %s %s %s\n", protocol, virtual, options)
	for i, rest := range servers {
		rules += fmt.Sprintf("-a %s %s -r %s %s\n", protocol, virtual, server(byte(i+1)), rest)
	}
	become(s, s.kernel, lvs.Table{}) // the counts of the case before go with it
	become(s, s.kernel, parse(s, rules))
}

// connect opens a connection from an address, and returns it with the number of
// the server that took it.
func (s *scene) connect(from netip.Addr) (net.Conn, byte, error) {
	var c net.Conn
	err := s.machine.Try(func() (err error) {
		d := net.Dialer{Timeout: patience, LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))}
		c, err = d.Dial("tcp4", virtual.String())
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	b := make([]byte, 1)
	if err = c.SetDeadline(time.Now().Add(patience)); err == nil {
		_, err = c.Read(b)
	}
	if err != nil {
		c.Close()
	}
	return c, b[0], err
}

// held opens connections that stay, the first n clients one each, and returns which
// server each of them has.
func (s *scene) held(n int) []byte {
	s.Helper()
	who := make([]byte, n)
	for i := range who {
		c, id, err := s.connect(client(i))
		if err != nil {
			s.Fatalf("connection %d: %v", i, err)
		}
		s.Cleanup(func() { c.Close() })
		who[i] = id
	}
	return who
}

// ask sends a datagram from an address and port of its own and returns who answers.
func (s *scene) ask(from netip.Addr) (byte, error) {
	var c net.Conn
	err := s.machine.Try(func() (err error) {
		d := net.Dialer{LocalAddr: net.UDPAddrFromAddrPort(netip.AddrPortFrom(from, 0))}
		c, err = d.Dial("udp4", virtual.String())
		return err
	})
	if err != nil {
		return 0, err
	}
	defer c.Close()
	b := make([]byte, 1)
	if err = c.SetDeadline(time.Now().Add(patience)); err == nil {
		if _, err = c.Write([]byte("?")); err == nil {
			_, err = c.Read(b)
		}
	}
	return b[0], err
}

// send sends datagrams from one socket to one at the virtual address itself, which
// does not answer.
func (s *scene) send(datagrams int) error {
	var c net.Conn
	var sink net.PacketConn
	err := s.machine.Try(func() (err error) {
		if sink, err = net.ListenPacket("udp4", virtual.String()); err != nil {
			return err
		}
		d := net.Dialer{LocalAddr: net.UDPAddrFromAddrPort(netip.AddrPortFrom(client(0), 0))}
		c, err = d.Dial("udp4", virtual.String())
		return err
	})
	if err != nil {
		return err
	}
	defer sink.Close()
	defer c.Close()
	for range datagrams {
		if _, err := c.Write([]byte("!")); err != nil {
			return err
		}
	}
	return nil
}

// shares counts the answers of the servers 1 to n.
func shares(who []byte, n int) []int {
	count := make([]int, n)
	for _, id := range who {
		count[id-1]++
	}
	return count
}
