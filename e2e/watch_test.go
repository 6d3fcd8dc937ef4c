package e2e

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/ipv4"

	"failover/e2e/lab"
)

// serversIn counts the real servers of the lab's service in a director's kernel;
// −1 where the service itself is missing. It is the cheap look, without ipvsadm.
func serversIn(n *lab.Node) (int, error) {
	text, err := n.ReadFile("/proc/thread-self/net/ip_vs")
	if err != nil {
		return 0, err
	}
	count := -1
	for line := range strings.Lines(string(text)) {
		switch f := strings.Fields(line); {
		case len(f) < 2:
		case f[0] == "TCP" && f[1] == "AC140A04:0050":
			count = 0
		case f[0] == "TCP" || f[0] == "UDP" || f[0] == "FWM":
			if count >= 0 {
				return count, nil
			}
		case f[0] == "->" && count >= 0:
			count++
		}
	}
	return count, nil
}

// servers waits until both directors have that many real servers in their
// kernels, and returns how long after begin each had.
func (s *scene) servers(t *testing.T, count int, begin time.Time, limit time.Duration) map[string]time.Duration {
	t.Helper()
	took := map[string]time.Duration{}
	eventually(t, limit, fmt.Sprintf("both tables have %d real servers", count), func() (bool, error) {
		for _, n := range s.Directors() {
			have, err := serversIn(n)
			if err != nil {
				return false, err
			}
			if _, known := took[n.Name]; have == count && !known {
				took[n.Name] = time.Since(begin)
			}
		}
		return len(took) == 2, nil
	})
	for _, n := range s.Directors() {
		figure(t, n.Name, took[n.Name].Seconds(), "s")
	}
	return took
}

// nextAdvert waits for the next advert on the clients' network.
func (s *scene) nextAdvert(t *testing.T) {
	t.Helper()
	var c net.PacketConn
	must(t, s.Client.Do(func() (err error) {
		if c, err = net.ListenPacket("ip4:112", "0.0.0.0"); err != nil {
			return err
		}
		link, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		return ipv4.NewPacketConn(c).JoinGroup(link, &net.IPAddr{IP: net.IPv4(224, 0, 0, 18)})
	}))
	defer c.Close()
	must(t, c.SetReadDeadline(time.Now().Add(10*time.Second)))
	_, _, err := c.ReadFrom(make([]byte, 1500))
	must(t, err)
}

// vigil watches a director for what must not happen: a virtual address that
// goes, a table that is not full.
type vigil struct {
	t       *testing.T
	monitor *lab.Process
	full    int
	stop    context.CancelFunc
	all     sync.WaitGroup

	mu    sync.Mutex
	short []string
}

// vigil begins the watch.
func (s *scene) vigil(t *testing.T, n *lab.Node) *vigil {
	t.Helper()
	m, err := n.Start(fmt.Sprintf("monitor%d", time.Now().UnixNano()), "ip", "-4", "monitor", "address")
	must(t, err)
	ctx, stop := context.WithCancel(context.Background())
	v := &vigil{t: t, monitor: m, full: len(s.pair.Setup.Servers), stop: stop}
	t.Cleanup(stop)
	// The lease of the addresses is renewed every second: what is seen once shows
	// that the monitor listens.
	eventually(t, 10*time.Second, "the monitor sees a renewal", func() (bool, error) {
		text, err := os.ReadFile(m.Log)
		return bytes.Contains(text, []byte(lab.VirtualOutside.Addr().String())), err
	})
	v.all.Go(func() { v.look(ctx, n) })
	return v
}

func (v *vigil) look(ctx context.Context, n *lab.Node) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		have, err := serversIn(n)
		if err != nil || have != v.full {
			v.mu.Lock()
			v.short = append(v.short, fmt.Sprintf("%d servers (%v) at %s", have, err, time.Now().Format("15:04:05.000")))
			v.mu.Unlock()
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// end ends the watch and tells what was seen.
func (v *vigil) end() {
	v.t.Helper()
	v.stop()
	v.all.Wait()
	if len(v.short) > 0 {
		v.t.Errorf("the table was not full: %s … (%d times)", v.short[0], len(v.short))
	}
	text, err := os.ReadFile(v.monitor.Log)
	must(v.t, err)
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		for _, a := range virtual() {
			if strings.HasPrefix(lines.Text(), "Deleted") && strings.Contains(lines.Text(), a.String()) {
				v.t.Errorf("address taken off: %s", lines.Text())
			}
		}
	}
	must(v.t, v.monitor.Kill())
	must(v.t, os.Remove(v.monitor.Log)) // long, and read
}
