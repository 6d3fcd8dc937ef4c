package vagrant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"time"

	"failover/e2e/lab"
)

// Load is the client's program at work on its machine, seen from here.
type Load struct {
	services []Service
	cmd      *exec.Cmd
	in       io.WriteCloser
	out      *json.Decoder
	begin    time.Time // what the client's times are counted from; its own clock does not matter

	mu sync.Mutex // one order after the other
}

// Outcome is what clients saw of a service while something happened.
type Outcome struct {
	Requests lab.Requests
	Held     lab.HeldConns
}

// program is where the client's program is on its machine.
const program = "/usr/local/bin/failover-client"

// StartLoad copies the client's program, which has been built for the machine, and
// starts it there. The caller ends it with Close.
func (l *Lab) StartLoad(ctx context.Context, binary string, services []Service) (*Load, error) {
	m := l.Client
	if err := m.Copy(ctx, binary, program, 0o755); err != nil {
		return nil, err
	}
	p := &Load{services: services, begin: time.Now(), cmd: m.ssh(context.Background(), m.Name, "exec "+program)}
	var complaint strings.Builder
	p.cmd.Stderr = &complaint
	in, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("vagrant: client: %w", err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("vagrant: client: %w", err)
	}
	p.in, p.out = in, json.NewDecoder(out)
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("vagrant: client: %w", err)
	}
	return p, nil
}

// Close ends the program.
func (p *Load) Close() error {
	err := p.in.Close()
	return errors.Join(err, p.cmd.Wait())
}

// tell gives an order and returns the answer.
func (p *Load) tell(o order) (answer, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var a answer
	err := json.NewEncoder(p.in).Encode(o)
	if err == nil {
		err = p.out.Decode(&a)
	}
	if err == nil && a.Err != "" {
		err = errors.New(a.Err)
	}
	if err != nil {
		return a, fmt.Errorf("vagrant: client: %s: %w", o.Do, err)
	}
	return a, nil
}

// Hold sees that connections are held, of every service, and returns their ports.
// Those that have broken are replaced.
func (p *Load) Hold() ([]uint16, error) {
	a, err := p.tell(order{Do: doHold, Services: p.services})
	return a.Alive, err
}

// Stream begins to send requests.
func (p *Load) Stream() error {
	_, err := p.tell(order{Do: doStream})
	return err
}

// Served tells whether clients of every service have been served since a time of the
// client's: this many requests, and every connection that lives. Zero is its start.
func (p *Load) Served(since time.Duration, requests int) (bool, error) {
	a, err := p.tell(order{Do: doLook, Since: since})
	if err != nil {
		return false, err
	}
	for _, s := range p.services {
		if v := a.Seen[s.Name]; v.Answered < requests || !v.Used {
			return false, nil
		}
	}
	return true, nil
}

// Now is the client's time.
func (p *Load) Now() (time.Duration, error) {
	a, err := p.tell(order{Do: doLook})
	return a.Now, err
}

// End ends the requests and tells what came of all of them, by service, and of the
// connections since they began. The connections are held on.
func (p *Load) End() (map[string]Outcome, error) {
	a, err := p.tell(order{Do: doEnd})
	if err != nil {
		return nil, err
	}
	all := map[string]Outcome{}
	for name, v := range a.Seen {
		var o Outcome
		for _, r := range v.Requests {
			o.Requests = append(o.Requests, lab.Request{Start: p.begin.Add(r.Start), Took: r.Took, Server: r.Server, Err: failure(r.Err)})
		}
		for _, h := range v.Held {
			c := lab.HeldConn{Server: h.Server, Opened: p.begin.Add(h.Opened), Stall: h.Stall, Err: failure(h.Err)}
			if c.Err != nil {
				c.Broke = p.begin.Add(h.Broke)
			}
			o.Held = append(o.Held, c)
		}
		all[name] = o
	}
	return all, nil
}

func failure(text string) error {
	if text == "" {
		return nil
	}
	return errors.New(text)
}
