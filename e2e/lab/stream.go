package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Request is one request of a client.
type Request struct {
	Start  time.Time
	Took   time.Duration
	Server string // the name in the answer
	Err    error
}

// StreamSpec says how a client sends requests, each on a connection of its own.
type StreamSpec struct {
	URL     string
	Every   time.Duration // default 20 ms
	Timeout time.Duration // of one request, connect included; default 10 s
	Limit   time.Duration // the stream ends by then; default 5 min
}

// Stream is a client that sends fresh requests at a fixed rate, whatever
// becomes of the earlier ones.
type Stream struct {
	spec   StreamSpec
	client http.Client
	cancel context.CancelFunc
	ended  chan struct{}

	mu       sync.Mutex
	requests []Request
}

// inFlight bounds the requests under way; one that would exceed it fails.
const inFlight = 1000

// Dial makes a connection of TCP; [Node.Dial] is one.
type Dial func(ctx context.Context, address string) (net.Conn, error)

// Get sends one request on a new connection.
func (n *Node) Get(ctx context.Context, url string) Request {
	c := httpClient(n.Dial)
	defer c.CloseIdleConnections()
	return get(ctx, c, url)
}

func httpClient(dial Dial) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			return dial(ctx, address)
		},
	}}
}

// Stream starts a stream of requests from the node.
func (n *Node) Stream(spec StreamSpec) *Stream {
	s := NewStream(n.Dial, spec)
	n.lab.onClose(func() error { s.Stop(); return nil })
	return s
}

// NewStream starts a stream of requests on connections that dial makes. It ends with
// Stop.
func NewStream(dial Dial, spec StreamSpec) *Stream {
	if spec.Every == 0 {
		spec.Every = 20 * time.Millisecond
	}
	if spec.Timeout == 0 {
		spec.Timeout = 10 * time.Second
	}
	if spec.Limit == 0 {
		spec.Limit = 5 * time.Minute
	}
	ctx, cancel := context.WithTimeout(context.Background(), spec.Limit)
	s := &Stream{spec: spec, client: *httpClient(dial), cancel: cancel, ended: make(chan struct{})}
	go s.run(ctx)
	return s
}

func (s *Stream) run(ctx context.Context) {
	defer close(s.ended)
	var all sync.WaitGroup
	defer all.Wait()
	slots := make(chan struct{}, inFlight)
	tick := time.NewTicker(s.spec.Every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		select {
		case slots <- struct{}{}:
		default:
			s.add(Request{Start: time.Now(), Err: fmt.Errorf("%d requests under way", inFlight)})
			continue
		}
		all.Go(func() {
			defer func() { <-slots }()
			// Not under ctx: a request that was sent is seen through.
			rctx, cancel := context.WithTimeout(context.Background(), s.spec.Timeout)
			defer cancel()
			s.add(get(rctx, &s.client, s.spec.URL))
		})
	}
}

func (s *Stream) add(r Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r)
}

// Stop ends the stream, waits for the requests under way and returns what came
// of all of them, in the order they were sent.
func (s *Stream) Stop() Requests {
	s.cancel()
	<-s.ended
	return s.So()
}

// So returns the requests that are over so far, in the order they were sent.
func (s *Stream) So() Requests {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := slices.Clone(s.requests)
	slices.SortStableFunc(list, func(a, b Request) int { return a.Start.Compare(b.Start) })
	return list
}

// AnsweredFrom counts the requests sent at or after t that were answered.
func (s *Stream) AnsweredFrom(t time.Time) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, r := range s.requests {
		if r.Err == nil && !r.Start.Before(t) {
			n++
		}
	}
	return n
}

func get(ctx context.Context, c *http.Client, url string) Request {
	r := Request{Start: time.Now()}
	r.Server, r.Err = fetch(ctx, c, url)
	r.Took = time.Since(r.Start)
	return r
}

func fetch(ctx context.Context, c *http.Client, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := c.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	if err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", errors.New(resp.Status)
	}
	return strings.TrimSpace(string(body)), nil
}

// Requests are requests in the order they were sent.
type Requests []Request

// Failed are those without an answer.
func (rs Requests) Failed() Requests {
	return slices.DeleteFunc(slices.Clone(rs), func(r Request) bool { return r.Err == nil })
}

// From are those sent at or after t.
func (rs Requests) From(t time.Time) Requests {
	return slices.DeleteFunc(slices.Clone(rs), func(r Request) bool { return r.Start.Before(t) })
}

// Gap is the longest time without an answer, from the first request to the end
// of the one that was sent last: between two answers that follow one another, or
// between an answer and one of these ends. What comes of an older request after
// that is a slow answer or a failure, no gap: nobody asked any more.
func (rs Requests) Gap() time.Duration {
	if len(rs) == 0 {
		return 0
	}
	last := rs[len(rs)-1]
	end := last.Start.Add(last.Took)
	marks := []time.Time{rs[0].Start, end}
	for _, r := range rs {
		if at := r.Start.Add(r.Took); r.Err == nil && at.Before(end) {
			marks = append(marks, at)
		}
	}
	slices.SortFunc(marks, time.Time.Compare)
	var gap time.Duration
	for i := range marks[1:] {
		gap = max(gap, marks[i+1].Sub(marks[i]))
	}
	return gap
}

// Slowest is the longest time an answered request took.
func (rs Requests) Slowest() time.Duration {
	var d time.Duration
	for _, r := range rs {
		if r.Err == nil {
			d = max(d, r.Took)
		}
	}
	return d
}

// Servers counts the answers by server.
func (rs Requests) Servers() map[string]int {
	m := map[string]int{}
	for _, r := range rs {
		if r.Err == nil {
			m[r.Server]++
		}
	}
	return m
}

// String sums up, for logs.
func (rs Requests) String() string {
	failed := rs.Failed()
	s := fmt.Sprintf("%d requests, %d failed, longest gap %.2f s, slowest %.2f s, by server %v",
		len(rs), len(failed), rs.Gap().Seconds(), rs.Slowest().Seconds(), rs.Servers())
	for i, r := range failed {
		if i == 5 {
			s += fmt.Sprintf("\n  and %d more", len(failed)-i)
			break
		}
		s += fmt.Sprintf("\n  at %s after %.2f s: %v", r.Start.Format("15:04:05.000"), r.Took.Seconds(), r.Err)
	}
	return s
}
