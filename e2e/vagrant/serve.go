package vagrant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"failover/e2e/lab"
)

// Service is one that clients use.
type Service struct {
	Name    string
	Address string        // with port
	Every   time.Duration // the time between two fresh requests
	Held    int           // connections that are held and used once a second
}

// order is one thing that the client is told to do. It answers each.
type order struct {
	Do       string    // hold, stream, look or end
	Services []Service // hold: what to use from now on
	Since    time.Duration
}

const (
	doHold   = "hold"   // hold connections to the services; those that broke are replaced
	doStream = "stream" // begin to send requests
	doLook   = "look"   // tell what has been answered since
	doEnd    = "end"    // end the requests and tell all about them, and about what is held
)

// answer is what came of an order. Times are those since the client's start, by its
// clock.
type answer struct {
	Now   time.Duration
	Err   string
	Seen  map[string]seen // by service
	Alive []uint16        // the ports of the connections that are held and live
}

// seen is what a client saw of a service.
type seen struct {
	Answered int  // look: of the requests that were sent since
	Used     bool // look: every connection that lives has been used since
	Requests []request
	Held     []held
}

type request struct {
	Start, Took time.Duration
	Server, Err string
}

type held struct {
	Server        string
	Opened, Stall time.Duration
	Err           string
	Broke         time.Duration // where there is an Err
}

// ServeLoad is the client's program: it does what it is told on in, and answers on
// out, until in ends.
func ServeLoad(in io.Reader, out io.Writer) error {
	l := &load{begin: time.Now(), held: map[string]*lab.Held{}, streams: map[string]*lab.Stream{}}
	defer l.close()
	orders, answers := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var o order
		if err := orders.Decode(&o); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read an order: %w", err)
		}
		a := answer{Seen: map[string]seen{}}
		if err := l.do(o, &a); err != nil {
			a.Err = err.Error()
		}
		a.Now = time.Since(l.begin)
		if err := answers.Encode(a); err != nil {
			return fmt.Errorf("answer: %w", err)
		}
	}
}

// load is what the client does.
type load struct {
	begin    time.Time
	services []Service
	held     map[string]*lab.Held
	streams  map[string]*lab.Stream
}

// dial connects as any program does.
func dial(ctx context.Context, address string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", address)
}

func (l *load) do(o order, a *answer) error {
	switch o.Do {
	case doHold:
		l.services = o.Services
		return l.hold(a)
	case doStream:
		for _, s := range l.services {
			if h := l.held[s.Name]; h != nil {
				h.Lap()
			}
			l.streams[s.Name] = lab.NewStream(dial, lab.StreamSpec{URL: "http://" + s.Address + "/", Every: s.Every, Limit: time.Hour})
		}
		return nil
	case doLook:
		l.look(l.begin.Add(o.Since), a)
		return nil
	case doEnd:
		l.end(a)
		return nil
	}
	return fmt.Errorf("unknown order %q", o.Do)
}

func (l *load) hold(a *answer) error {
	for _, s := range l.services {
		h := l.held[s.Name]
		if h != nil && h.Conns().Broken() > 0 {
			h.Stop()
			h = nil
		}
		if h == nil && s.Held > 0 {
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			var err error
			h, err = lab.NewHeld(ctx, dial, lab.HeldSpec{Address: s.Address, Count: s.Held, Every: time.Second, HTTP: true})
			cancel()
			if err != nil {
				delete(l.held, s.Name)
				return fmt.Errorf("%s: %w", s.Name, err)
			}
			l.held[s.Name] = h
		}
		if h == nil {
			continue
		}
		for _, c := range h.Conns() {
			a.Alive = append(a.Alive, c.Local.Port())
		}
	}
	return nil
}

func (l *load) look(since time.Time, a *answer) {
	for _, s := range l.services {
		v := seen{Used: true}
		if stream := l.streams[s.Name]; stream != nil {
			v.Answered = stream.AnsweredFrom(since)
		}
		if h := l.held[s.Name]; h != nil {
			v.Used = h.Conns().Since(since)
		}
		a.Seen[s.Name] = v
	}
}

func (l *load) end(a *answer) {
	for _, s := range l.services {
		var v seen
		if stream := l.streams[s.Name]; stream != nil {
			for _, r := range stream.Stop() {
				v.Requests = append(v.Requests, request{r.Start.Sub(l.begin), r.Took, r.Server, text(r.Err)})
			}
			delete(l.streams, s.Name)
		}
		if h := l.held[s.Name]; h != nil {
			for _, c := range h.Lap() {
				one := held{Server: c.Server, Opened: c.Opened.Sub(l.begin), Stall: c.Stall, Err: text(c.Err)}
				if c.Err != nil {
					one.Broke = c.Broke.Sub(l.begin)
				}
				v.Held = append(v.Held, one)
			}
		}
		a.Seen[s.Name] = v
	}
}

func (l *load) close() {
	for _, s := range l.streams {
		s.Stop()
	}
	for _, h := range l.held {
		h.Stop()
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
