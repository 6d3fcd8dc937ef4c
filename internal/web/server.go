package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/net/netutil"

	"failover/internal/sockets"
)

const (
	// retryEvery is how often an address that could not be had is tried again.
	retryEvery = 10 * time.Second
	// connections is how many there may be; further ones wait to be accepted.
	connections = 64
	// farewell is how long requests in progress may go on at an address that is
	// given up.
	farewell = 5 * time.Second
)

// Server serves a handler at the wanted address. Not being able to is never
// fatal: it is a [Server.Problem], and tried again.
type Server struct {
	handler http.Handler
	log     *slog.Logger
	life    context.Context // ends with Run
	die     context.CancelFunc
	running sync.WaitGroup
	// Sockets are the listening sockets of the process, where it hands them on; set
	// before the first Set.
	Sockets *sockets.Set

	mu      sync.Mutex
	want    netip.AddrPort // invalid: nowhere
	now     *place         // nil: nowhere
	problem error
	ended   bool
}

// place is where the server listens.
type place struct {
	address  netip.AddrPort
	listener net.Listener
	http     *http.Server
	waiting  sockets.Waiting
	over     chan struct{} // closed when no more connection is accepted
}

// New returns a Server that listens nowhere yet.
func New(h http.Handler, log *slog.Logger) *Server {
	s := &Server{handler: h, log: log}
	s.life, s.die = context.WithCancel(context.Background())
	return s
}

// Set makes address the one to listen at; the invalid address is nowhere. It has
// happened when Set returns, or else Problem says why not. The new address is
// taken before the old one is given up.
func (s *Server) Set(address netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.want = address
	s.settle()
}

// Problem tells why the server is not where it should be, nil when it is.
func (s *Server) Problem() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.problem
}

// Run tries again what failed, until ctx ends. Then nothing of the server is
// left.
func (s *Server) Run(ctx context.Context) {
	again := time.NewTicker(retryEvery)
	defer again.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-again.C:
			s.retry()
		}
	}
	s.die()
	s.mu.Lock()
	s.ended = true
	if s.now != nil {
		s.now.close()
	}
	s.mu.Unlock()
	s.running.Wait()
}

// Leave gives the address up for good. It returns when the requests in progress are
// answered, or with ctx.
func (s *Server) Leave(ctx context.Context) {
	s.mu.Lock()
	s.ended = true
	p := s.now
	s.mu.Unlock()
	if p == nil {
		return
	}
	_ = p.listener.Close() // it listens no more either way
	select {
	case <-p.over:
		p.waiting.None(ctx)
	case <-ctx.Done():
	}
}

func (s *Server) retry() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.problem != nil {
		s.settle()
	}
}

// settle brings the server to where it should be; with s.mu held.
func (s *Server) settle() {
	if s.ended {
		return
	}
	before, was := s.problem, s.now
	s.problem = s.move()
	if s.problem != nil && (before == nil || before.Error() != s.problem.Error()) {
		s.log.Warn("no HTTP there, will be tried again", "error", s.problem)
	}
	if s.now != was && s.now != nil {
		s.log.Info("HTTP is served", "address", s.now.address)
	}
}

// move goes from the present place to the wanted one.
func (s *Server) move() error {
	old := s.now
	if old != nil && old.address == s.want {
		return nil
	}
	if !s.want.IsValid() {
		s.now = nil
		s.leave(old)
		return nil
	}
	l, err := s.listen(s.want)
	if errors.Is(err, syscall.EADDRINUSE) && old != nil && overlap(old.address, s.want) {
		// It is ourselves who are in the way: the kernel gives 0.0.0.0 and one of the
		// addresses it stands for to one listener only.
		_ = old.listener.Close() // it listens no more either way
		if l, err = s.listen(s.want); err != nil {
			back, lost := s.listen(old.address)
			if lost != nil {
				s.now = nil
				s.leave(old)
				return errors.Join(err, lost)
			}
			s.now = s.serve(old.address, back)
			s.leave(old)
			return err
		}
	}
	if err != nil {
		return err
	}
	s.now = s.serve(s.want, l)
	s.leave(old)
	return nil
}

// serve answers whoever connects.
func (s *Server) serve(address netip.AddrPort, l net.Listener) *place {
	p := &place{address: address, listener: l, over: make(chan struct{})}
	p.http = &http.Server{
		ConnState:         p.waiting.Note,
		Handler:           s.handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       5 * time.Second,
		WriteTimeout:      requestTimeout + 5*time.Second,
		IdleTimeout:       30 * time.Second,
		MaxHeaderBytes:    8 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	s.running.Go(func() {
		err := p.http.Serve(netutil.LimitListener(l, connections))
		close(p.over)
		if errors.Is(err, http.ErrServerClosed) || errors.Is(err, net.ErrClosed) {
			return
		}
		s.lost(p, err)
	})
	return p
}

// lost notes that a listener has failed under us; the next try replaces it.
func (s *Server) lost(p *place, err error) {
	p.close()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now == p {
		s.now = nil
		s.problem = fmt.Errorf("web: serve at %s: %w", p.address, err)
		s.log.Warn("no HTTP there, will be tried again", "error", s.problem)
	}
}

// leave gives a place up, requests in progress last.
func (s *Server) leave(p *place) {
	if p == nil {
		return
	}
	_ = p.listener.Close() // it listens no more either way
	s.running.Go(func() {
		ctx, cancel := context.WithTimeout(s.life, farewell)
		defer cancel()
		_ = p.http.Shutdown(ctx) // Close ends what is left
		p.close()
	})
}

// close ends everything at once. The listener is closed by itself too: the HTTP
// server knows of it only once it has come to serve. Nothing can be done about
// an error.
func (p *place) close() { _ = errors.Join(p.listener.Close(), p.http.Close()) }

// listen takes an address, or the socket there that another process has left.
func (s *Server) listen(address netip.AddrPort) (net.Listener, error) {
	return s.Sockets.Listen("http "+address.String(), func() (net.Listener, error) { return listen(address) })
}

// listen takes an address. 0.0.0.0 is IPv4 alone, [::] is both families.
func listen(address netip.AddrPort) (net.Listener, error) {
	network := "tcp"
	if address.Addr().Is4() {
		network = "tcp4"
	}
	l, err := net.Listen(network, address.String())
	if err == nil {
		return l, nil
	}
	var call *os.SyscallError
	if errors.As(err, &call) {
		err = call.Err
	}
	return nil, fmt.Errorf("web: listen on %s: %w", address, err)
}

// overlap tells whether one address is in the way of the other.
func overlap(a, b netip.AddrPort) bool {
	return a.Port() == b.Port() && (a.Addr() == b.Addr() || a.Addr().IsUnspecified() || b.Addr().IsUnspecified())
}
