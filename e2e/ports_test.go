package e2e

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"failover/e2e/lab"
)

// TestPortsAgain: clients that come back with a port which IPVS remembers for two
// minutes more (TIME_WAIT) are given another real server, and the other director hears
// of it a second or two later. In between it knows the port for the wrong one: whoever
// becomes master by plan must not send them there, which would reset them.
func TestPortsAgain(t *testing.T) {
	t.Parallel()
	s := failover(t, lab.Setup{Check: "tcp"})
	must(t, s.pair.Start(within(t, 60*time.Second)))
	s.settled(t)
	unit := s.pair.Unit(s.LB1)
	for round := range 2 {
		for _, step := range []struct {
			name string
			do   func(context.Context) error
			to   *lab.Node
		}{{"stop", unit.Stop, s.LB2}, {"start", unit.Start, s.LB1}} {
			t.Run(fmt.Sprintf("%s %d", step.name, round+1), func(t *testing.T) {
				c := comeAndGo(t, s.Client)
				eventually(t, 30*time.Second, "every port is used again", func() (bool, error) { return c.rounds() > 1, nil })
				must(t, step.do(within(t, 30*time.Second)))
				must(t, s.pair.WaitHolder(within(t, 40*time.Second), step.to))
				since := c.rounds()
				eventually(t, 30*time.Second, "every port is used again", func() (bool, error) { return c.rounds() > since, nil })
				visits, failed := c.end()
				figure(t, "visits", float64(visits), "")
				figure(t, "moved", float64(c.moved), "")
				figure(t, "broken", float64(len(failed)), "")
				if c.moved < visits/5 {
					t.Errorf("of %d visits only %d had another server than the one before", visits, c.moved)
				}
				for _, err := range failed {
					t.Error(err)
				}
			})
		}
	}
}

// The clients that come and go: so many at a time, each with some ports.
const (
	comers   = 15 // odd, as that of the ports is: round robin comes to the other server
	portEach = 7
	visit    = 350 * time.Millisecond
)

// visitors are clients that come back with few ports, again and again.
type visitors struct {
	cancel context.CancelFunc
	all    sync.WaitGroup

	mu     sync.Mutex
	made   [comers]int
	server map[int]string // that a port had last
	moved  int            // visits that had another server than the one before from the port
	failed []error
}

// comeAndGo lets clients come and go until end.
func comeAndGo(t *testing.T, n *lab.Node) *visitors {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	v := &visitors{cancel: cancel, server: map[int]string{}}
	for i := range comers {
		v.all.Go(func() {
			for k := 0; ctx.Err() == nil; k++ {
				port := 20000 + portEach*i + k%portEach
				began := time.Now()
				server, err := visitFrom(n, port)
				v.mu.Lock()
				if was := v.server[port]; was != "" && server != "" && was != server {
					v.moved++
				}
				v.server[port] = server
				v.made[i]++
				if err != nil {
					v.failed = append(v.failed, fmt.Errorf("port %d, from %s on: %w", port, began.Format("05.000"), err))
				}
				v.mu.Unlock()
			}
		})
	}
	return v
}

// rounds is how often every port was used.
func (v *visitors) rounds() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	least := v.made[0]
	for _, n := range v.made {
		least = min(least, n)
	}
	return least / portEach
}

// end ends it: how many visits there were, and what went wrong with some.
func (v *visitors) end() (visits int, failed []error) {
	v.cancel()
	v.all.Wait()
	for _, n := range v.made {
		visits += n
	}
	return visits, v.failed
}

// visitFrom is one connection from a port: requests one after the other, of which the
// last has the server close, so that the port can be used again at once.
func visitFrom(n *lab.Node, port int) (server string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	c, err := n.DialFrom(ctx, lab.Service, port)
	if err != nil {
		return "", err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return "", err
	}
	r := bufio.NewReader(c)
	ask := func(header string) error {
		if _, err := fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: %s\r\n%s\r\n", lab.Service, header); err != nil {
			return err
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return err
		}
		body, err := io.ReadAll(resp.Body)
		server = string(body)
		return errors.Join(err, resp.Body.Close())
	}
	for end := time.Now().Add(visit); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if err := ask(""); err != nil {
			return server, err
		}
	}
	if err := ask("Connection: close\r\n"); err != nil {
		return server, err
	}
	if _, err := r.ReadByte(); err != io.EOF {
		return server, fmt.Errorf("the server did not close: %w", err)
	}
	return server, nil
}
