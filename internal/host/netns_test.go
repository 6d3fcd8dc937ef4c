package host

import (
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"failover/internal/testenv"
)

// machine is a machine of its own that runs command lines.
type machine struct {
	*testenv.Machine
	t *testing.T
}

// newMachine makes one that ends with the test.
func newMachine(t *testing.T) *machine {
	t.Helper()
	m := &machine{testenv.NewMachine(t), t}
	// Without waiting for duplicate address detection, IPv6 works at once.
	m.run("echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad")
	return m
}

// attempt runs one command line on the machine.
func (m *machine) attempt(line string) (out string, err error) {
	m.t.Helper()
	m.Do(func() error {
		var b []byte
		b, err = exec.Command("/bin/sh", "-c", line).CombinedOutput()
		out = string(b)
		return nil
	})
	return out, err
}

// eventually runs a command line until its output has a text.
func (m *machine) eventually(line, want string) {
	m.t.Helper()
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		out, err := m.attempt(line)
		if err == nil && strings.Contains(out, want) {
			return
		}
		if time.Now().After(end) {
			m.t.Fatalf("%s: %q, %v; want %q", line, out, err, want)
		}
	}
}

// connects waits until a connection can be made: a cable that was just plugged in
// may drop the first packets.
func (m *machine) connects(address string) {
	m.t.Helper()
	for end := time.Now().Add(5 * time.Second); ; {
		f := m.tcp(address)
		if f == connected {
			return
		}
		if time.Now().After(end) {
			m.t.Fatalf("tcp %s: %s", address, f)
		}
	}
}

// hear opens a raw socket of a protocol at an address; what it returns tells
// whether a packet came within a second.
func (m *machine) hear(protocol int, address string) func() bool {
	m.t.Helper()
	var c net.PacketConn
	m.Do(func() (err error) {
		c, err = net.ListenPacket(fmt.Sprintf("ip4:%d", protocol), address)
		return err
	})
	m.t.Cleanup(func() { c.Close() })
	return func() bool {
		if err := c.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			m.t.Fatal(err)
		}
		_, _, err := c.ReadFrom(make([]byte, 64))
		return err == nil
	}
}

// send sends one packet of a protocol to an address.
func (m *machine) send(protocol int, address string) {
	m.t.Helper()
	m.Do(func() error {
		c, err := net.Dial(fmt.Sprintf("ip4:%d", protocol), address)
		if err != nil {
			return err
		}
		defer c.Close()
		_, err = c.Write([]byte("advert"))
		return err
	})
}

// run runs command lines on the machine and returns what the last one prints.
func (m *machine) run(lines ...string) (out string) {
	m.t.Helper()
	m.Do(func() error {
		for _, line := range lines {
			b, err := exec.Command("/bin/sh", "-c", line).CombinedOutput()
			if out = string(b); err != nil {
				return fmt.Errorf("%s: %w: %s", line, err, out)
			}
		}
		return nil
	})
	return out
}

// cable joins two machines by an interface of the given name at both ends.
func cable(a, b *machine, name, addressA, addressB string) {
	a.t.Helper()
	testenv.Cable(a.Machine, b.Machine, name)
	for m, address := range map[*machine]string{a: addressA, b: addressB} {
		m.run("ip link set " + name + " up")
		for one := range strings.FieldsSeq(address) {
			if strings.Contains(one, ":") {
				one += " nodad" // there at once, however busy the machine is
			}
			m.run("ip addr add " + one + " dev " + name)
		}
	}
	for _, m := range []*machine{a, b} {
		m.eventually("ip link show "+name, "state UP") // before that it drops what it is to send
	}
}

// listen takes TCP connections and keeps them open.
func (m *machine) listen(address string) {
	m.t.Helper()
	m.Do(func() error {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return err
		}
		m.t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				m.t.Cleanup(func() { c.Close() })
			}
		}()
		return nil
	})
}

// fate is what becomes of a connection.
type fate string

const (
	connected fate = "connected"
	refused   fate = "refused"
	silence   fate = "silence"
)

// tcp tries to connect. A dropped packet answers by nothing, so that silence
// takes a moment to be sure of.
func (m *machine) tcp(address string) (f fate) {
	m.t.Helper()
	m.Do(func() error {
		c, err := net.DialTimeout("tcp", address, 300*time.Millisecond)
		if err == nil {
			c.Close()
		}
		f, err = fateOf(err)
		return err
	})
	return f
}

// udp sends a datagram and waits for an ICMP error.
func (m *machine) udp(address string) (f fate) {
	m.t.Helper()
	m.Do(func() error {
		c, err := net.Dial("udp", address)
		if err != nil {
			return err
		}
		defer c.Close()
		if _, err := c.Write([]byte("hello")); err != nil {
			return err
		}
		c.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
		_, err = c.Read(make([]byte, 1))
		f, err = fateOf(err)
		return err
	})
	return f
}

func fateOf(err error) (fate, error) {
	var timeout net.Error
	switch {
	case err == nil:
		return connected, nil
	case errors.Is(err, syscall.ECONNREFUSED):
		return refused, nil
	case errors.As(err, &timeout) && timeout.Timeout():
		return silence, nil
	}
	return "", err
}
