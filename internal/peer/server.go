package peer

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"failover/internal/api"
)

const (
	// handshakeTimeout is how long a stranger may take to prove who it is.
	handshakeTimeout = 5 * time.Second
	// strangers is how many connections may be proving it at once from addresses that
	// are no other director's, and from those that are. What comes on top is
	// closed at once: ten thousand half-open connections cost no more than these, and
	// keep no director out.
	maxStrangers, maxFellows = 64, 16
	// requestTimeout bounds the reading of one request and the making of its answer.
	requestTimeout = 10 * time.Second
	// connsTimeout bounds the sending of a whole table of connections.
	connsTimeout = 2 * time.Minute
	maxHeader    = 8 << 10
)

// refusals count the connections and requests that came to nothing, by reason.
type refusals struct {
	mu sync.Mutex
	by map[string]uint64
}

// The reasons of [refusals].
const (
	refusedBusy      = "busy"      // too many were proving who they are
	refusedHandshake = "handshake" // no TLS 1.3, no key, silence
	refusedStranger  = "stranger"  // a key, but not of another director
	refusedRequest   = "request"   // a director asked for what makes no sense
)

func (r *refusals) add(why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.by == nil {
		r.by = map[string]uint64{}
	}
	r.by[why]++
}

// counts are the numbers so far, every reason among them.
func (r *refusals) counts() map[string]uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := map[string]uint64{refusedBusy: 0, refusedHandshake: 0, refusedStranger: 0, refusedRequest: 0}
	for why, n := range r.by {
		all[why] = n
	}
	return all
}

// server lets other directors in and answers them.
type server struct {
	others  []Director
	local   Local
	tls     *tls.Config
	refused *refusals
	log     *slog.Logger
	met     func(name string) // is called when a director has connected

	proven  chan net.Conn // whose other side has proved who it is
	proving chan struct{} // strangers that are at it
	fellows chan struct{} // and fellows
}

func newServer(c Config, own tls.Certificate, refused *refusals) *server {
	s := &server{
		others: c.Others, local: c.Local, log: c.Log, refused: refused, met: func(string) {},
		proven:  make(chan net.Conn),
		proving: make(chan struct{}, maxStrangers), fellows: make(chan struct{}, maxFellows),
	}
	s.tls = settings(own, func(key ed25519.PublicKey) error {
		_, err := s.whose(key)
		return err
	})
	return s
}

// whose names the director that a key belongs to.
func (s *server) whose(key ed25519.PublicKey) (string, error) {
	for _, d := range s.others {
		if d.Key.Equal(key) {
			return d.Name, nil
		}
	}
	return "", errStranger
}

// room is where a connection waits for its proof.
func (s *server) room(from net.Addr) chan struct{} {
	at, err := netip.ParseAddrPort(from.String())
	for _, d := range s.others {
		for _, a := range d.Addresses {
			if err == nil && at.Addr().Unmap().WithZone("") == a {
				return s.fellows
			}
		}
	}
	return s.proving
}

// accept takes connections until the listener is closed.
func (s *server) accept(ctx context.Context, l net.Listener) error {
	var open sync.WaitGroup
	defer open.Wait()
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		room := s.room(c.RemoteAddr())
		select {
		case room <- struct{}{}:
		default:
			s.refused.add(refusedBusy)
			_ = c.Close()
			continue
		}
		open.Go(func() {
			defer func() { <-room }()
			s.prove(ctx, c)
		})
	}
}

// prove lets a connection in once its other side has proved to be a director.
func (s *server) prove(ctx context.Context, c net.Conn) {
	limited, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	t := tls.Server(c, s.tls)
	if err := t.HandshakeContext(limited); err != nil {
		why := refusedHandshake
		if errors.Is(err, errStranger) {
			why = refusedStranger
		}
		s.refused.add(why)
		s.log.Debug("peer link: a connection is refused", "from", c.RemoteAddr().String(), "reason", why, "error", err)
		_ = c.Close()
		return
	}
	select {
	case s.proven <- t:
		if name, err := s.whoIs(t.ConnectionState()); err == nil {
			s.met(name)
		}
	case <-ctx.Done():
		_ = c.Close()
	}
}

// serve answers those that were let in, until ctx ends.
func (s *server) serve(ctx context.Context) error {
	h := &http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: requestTimeout, ReadTimeout: requestTimeout, WriteTimeout: 2 * requestTimeout,
		IdleTimeout: time.Minute, MaxHeaderBytes: maxHeader,
		ErrorLog:    slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	// At the end of ctx whichever comes first: where that is behind's word, the other
	// is stopped before it has begun, and connections would be served for ever.
	defer h.Close()
	defer context.AfterFunc(ctx, func() { _ = h.Close() })()
	if err := h.Serve(behind{ctx: ctx, conns: s.proven}); !errors.Is(err, http.ErrServerClosed) && ctx.Err() == nil {
		return fmt.Errorf("peer: serve: %w", err)
	}
	return nil
}

// behind is the listener behind the handshake.
type behind struct {
	ctx   context.Context
	conns <-chan net.Conn
}

func (r behind) Accept() (net.Conn, error) {
	select {
	case c := <-r.conns:
		return c, nil
	case <-r.ctx.Done():
		return nil, net.ErrClosed
	}
}

func (behind) Close() error   { return nil }
func (behind) Addr() net.Addr { return &net.TCPAddr{} }

func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+pathBeat, func(w http.ResponseWriter, _ *http.Request) { answer(w, s.local.Beat()) })
	mux.HandleFunc("GET "+pathDirector, reply(s.local.Director))
	mux.HandleFunc("GET "+pathWords, func(w http.ResponseWriter, _ *http.Request) { answer(w, s.local.Words()) })
	mux.HandleFunc("GET "+pathConns, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		// Every connection that is served can; the recorder of a test cannot, and need not.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(connsTimeout))
		err := s.local.Connections(w)
		if err != nil {
			s.log.Warn("peer link: the table of connections", "error", err)
			panic(http.ErrAbortHandler) // what has been sent must not be taken for all
		}
	})
	mux.HandleFunc("GET "+pathPlan, reply(s.local.Plan))
	mux.HandleFunc("POST "+pathWords, func(w http.ResponseWriter, r *http.Request) {
		var all Words
		if !s.read(w, r, &all) {
			return
		}
		from, err := s.whoIs(*r.TLS)
		if err == nil {
			err = s.local.Told(from, all)
		}
		if err != nil {
			s.refused.add(refusedRequest)
			refuse(w, http.StatusBadRequest, err)
			return
		}
		answer(w, struct{}{})
	})
	mux.HandleFunc("POST "+pathReload, func(w http.ResponseWriter, r *http.Request) {
		var want reload
		if s.read(w, r, &want) {
			reply(func() (api.Reload, error) { return s.local.Reload(want.ConfigDigest) })(w, r)
		}
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.refused.add(refusedRequest)
		refuse(w, http.StatusNotFound, fmt.Errorf("this version has no %s %s", r.Method, r.URL.Path))
	})
	return mux
}

// whoIs names the director at the other end of a connection.
func (s *server) whoIs(state tls.ConnectionState) (string, error) {
	key, err := keyOf(state)
	if err != nil {
		return "", err
	}
	return s.whose(key)
}

// reply turns a question to the director into a handler.
func reply[T any](ask func() (T, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		v, err := ask()
		if err != nil {
			refuse(w, http.StatusServiceUnavailable, err)
			return
		}
		answer(w, v)
	}
}

// read reads a request's body; where it cannot, the answer has been given. A body that
// says it is too long is not read at all; one with something after its value says what
// we do not understand, and counts for nothing.
func (s *server) read(w http.ResponseWriter, r *http.Request, v any) bool {
	err := error(&http.MaxBytesError{Limit: maxBody})
	if r.ContentLength <= maxBody {
		body := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
		if err = body.Decode(v); err == nil {
			err = nothingAfter(body)
		}
	}
	if err != nil {
		s.refused.add(refusedRequest)
		w.Header().Set("Connection", "close") // what is left of it is not read
		refuse(w, http.StatusBadRequest, err)
		return false
	}
	return true
}

func nothingAfter(body *json.Decoder) error {
	switch _, err := body.Token(); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return fmt.Errorf("after its value: %w", err)
	}
	return errors.New("there is more than one value")
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // who asked has gone: nobody is left to tell
}

func refuse(w http.ResponseWriter, code int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	told := &api.Error{}
	if !errors.As(err, &told) {
		told = &api.Error{Message: err.Error()}
	}
	_ = json.NewEncoder(w).Encode(told)
}
