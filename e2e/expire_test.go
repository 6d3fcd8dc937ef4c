package e2e

import (
	"fmt"
	"net"
	"testing"
	"time"

	"failover/e2e/lab"
)

// names answers every datagram on a node with the node's name, by both families,
// until the test ends.
func names(t *testing.T, w *lab.Web, address string) {
	t.Helper()
	for _, network := range []string{"udp4", "udp6"} {
		namesBy(t, w, network, address)
	}
}

func namesBy(t *testing.T, w *lab.Web, network, address string) {
	t.Helper()
	var c net.PacketConn
	must(t, w.Node.Do(func() (err error) {
		c, err = net.ListenPacket(network, address)
		return err
	}))
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 64)
		for {
			_, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = c.WriteTo([]byte(w.Name), from)
		}
	}()
	t.Cleanup(func() { _ = c.Close(); <-done })
}

// flow is one flow of UDP from the client: the same port for as long as it lasts.
type flow struct{ net.Conn }

func (f flow) String() string { return fmt.Sprintf("%s to %s", f.LocalAddr(), f.RemoteAddr()) }

func (s *scene) flowTo(t *testing.T, address string) flow {
	t.Helper()
	var c net.Conn
	must(t, s.Client.Do(func() (err error) {
		c, err = net.Dial("udp", address)
		return err
	}))
	t.Cleanup(func() { _ = c.Close() })
	return flow{c}
}

// ask sends a datagram and tells who answered; "" is nobody, within half a second.
func (f flow) ask() (string, error) {
	if _, err := f.Write([]byte("?")); err != nil {
		return "", err
	}
	if err := f.SetReadDeadline(time.Now().Add(500 * time.Millisecond)); err != nil {
		return "", err
	}
	b := make([]byte, 64)
	n, err := f.Read(b)
	if err != nil {
		return "", nil //nolint:nilerr // nobody has answered: the caller asks again
	}
	return string(b[:n]), nil
}

// TestExpire: flows of UDP whose server was found down go on with another one,
// although the dead one would still answer, on a table that keeps it (mh) and on one
// that does not, by IPv4 and by IPv6. The flows of the other server stay where they
// are.
func TestExpire(t *testing.T) {
	t.Parallel()
	for _, scheduler := range []string{"rr", "mh"} {
		t.Run(scheduler, func(t *testing.T) {
			t.Parallel()
			common := fmt.Sprintf("protocol = \"udp\"\nscheduler = %q\ncheck = { kind = \"tcp\", interval = \"1s\", fall = 2, rise = 1 }", scheduler)
			if scheduler == "mh" {
				common += "\nscheduler_flags = [\"mh-fallback\", \"mh-port\"]"
			}
			s := failover(t, lab.Setup{Check: "tcp", Routers: lab.BothFamilies(), Lines: fmt.Sprintf(`
[virtual_server.names]
address = %q
%s
real_server = [ { name = "web1", address = "192.168.33.92:80" }, { name = "web2", address = "192.168.33.93:80" } ]
[virtual_server.names6]
address = %q
%s
real_server = [ { name = "web1", address = "[2001:db8:33::92]:80" }, { name = "web2", address = "[2001:db8:33::93]:80" } ]
`, lab.Service, common, lab.Service6, common)})
			must(t, s.AddIPv6())
			for _, w := range []*lab.Web{s.Web1, s.Web2} {
				names(t, w, ":80")
			}
			s.starts(t, 6)
			s.expires(t)
		})
	}
}

func (s *scene) expires(t *testing.T) {
	flows := map[string][]flow{} // by server
	for _, address := range []string{lab.Service, lab.Service6} {
		counts := map[string]int{}
		eventually(t, 60*time.Second, "both servers have three flows to "+address, func() (bool, error) {
			f := s.flowTo(t, address)
			who, err := f.ask()
			if who != "" {
				flows[who] = append(flows[who], f)
				counts[who]++
			}
			return counts["web1"] >= 3 && counts["web2"] >= 3, err
		})
	}
	s.Web1.Stop()
	begin := time.Now()
	for _, f := range flows["web1"] {
		eventually(t, 20*time.Second, fmt.Sprintf("the flow %s of web1 is answered by web2", f), func() (bool, error) {
			who, err := f.ask()
			return who == "web2", err
		})
	}
	figure(t, "moved", time.Since(begin).Seconds(), "s")
	for _, f := range flows["web2"] {
		f.answeredBy(t, "web2", fmt.Sprintf("the flow %s of web2", f))
	}
	// Every one is where it was, once more: nothing ends what has just moved.
	must(t, s.Web1.Start())
	for _, f := range flows["web1"] {
		f.answeredBy(t, "web2", fmt.Sprintf("the moved flow %s", f))
	}
}

// answeredBy wants the next answer from a server. Who is slow is asked again.
func (f flow) answeredBy(t *testing.T, server, what string) {
	t.Helper()
	eventually(t, 20*time.Second, what+" is answered", func() (bool, error) {
		who, err := f.ask()
		if who != "" && who != server {
			t.Errorf("%s is answered by %s, want %s", what, who, server)
		}
		return who != "", err
	})
}
