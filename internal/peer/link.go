package peer

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"failover/internal/api"
	"failover/internal/pause"
	"failover/internal/sockets"
	"failover/lvs"
)

const (
	// every is the time between two beats.
	every = time.Second
	// beatTimeout bounds one beat by all of a director's addresses.
	beatTimeout = 2500 * time.Millisecond
	// silence is for how long a director that was reached may not answer.
	silence = 3 * time.Second
	// mostly is the longest wait for the next try to reach one that does not answer.
	mostly = 5 * time.Second
)

// Director is one of the deployment's.
type Director struct {
	Name      string
	Addresses []netip.Addr // paths to it
	Key       ed25519.PublicKey
}

// Config is what a [Link] works with.
type Config struct {
	Self   Director
	Others []Director
	Key    ed25519.PrivateKey
	Port   uint16
	Local  Local
	// Changed is called with what is known of another director after each attempt to
	// reach it. It must not block.
	Changed func(View)
	// Sockets are the listening sockets of the process, where it hands them on; nil:
	// it does not.
	Sockets *sockets.Set
	Log     *slog.Logger
}

// Link connects a director with all others.
type Link struct {
	cfg     Config
	own     tls.Certificate
	refused *refusals
	clients map[string]*client

	mu    sync.Mutex
	views map[string]View
	turns map[string]context.CancelFunc // end an attempt, or the wait for the next one
	traps map[netip.AddrPort]error      // why nobody can connect to us there
}

// New makes a link that does nothing until [Link.Run]. It is an error where the
// private key is not that of the configuration's public one.
func New(c Config) (*Link, error) {
	own, err := certificate(c.Key)
	if err != nil {
		return nil, err
	}
	if public, ok := c.Key.Public().(ed25519.PublicKey); !ok || !c.Self.Key.Equal(public) {
		return nil, fmt.Errorf("peer: the private key belongs to the public key %s, the configuration has %s for %s",
			PublicText(public), PublicText(c.Self.Key), c.Self.Name)
	}
	l := &Link{cfg: c, own: own, refused: &refusals{}, clients: map[string]*client{}, views: map[string]View{},
		turns: map[string]context.CancelFunc{}, traps: map[netip.AddrPort]error{}}
	for _, other := range c.Others {
		l.clients[other.Name] = newClient(other, c.Port, own)
		l.views[other.Name] = View{Name: other.Name, Cause: "not tried yet"}
	}
	return l, nil
}

// Run serves and asks until ctx ends, and then returns nil.
func (l *Link) Run(ctx context.Context) error {
	s := newServer(l.cfg, l.own, l.refused)
	s.met = l.meet
	var all sync.WaitGroup
	defer all.Wait()
	for _, a := range l.cfg.Self.Addresses {
		all.Go(func() { l.listen(ctx, s, netip.AddrPortFrom(a, l.cfg.Port)) })
	}
	for _, other := range l.cfg.Others {
		all.Go(func() { l.follow(ctx, other.Name) })
	}
	return s.serve(ctx)
}

// listen takes connections at one address, and tries again where it cannot.
func (l *Link) listen(ctx context.Context, s *server, at netip.AddrPort) {
	wait := every
	for ctx.Err() == nil {
		err := l.listenOnce(ctx, s, at)
		if ctx.Err() != nil || errors.Is(err, net.ErrClosed) { // handed on to another process
			return
		}
		l.setTrap(at, err)
		l.cfg.Log.Warn("peer link: no director can connect here, will be tried again", "address", at.String(), "error", err)
		if pause.For(ctx, wait) != nil {
			return
		}
		wait = min(2*wait, mostly)
	}
}

func (l *Link) listenOnce(ctx context.Context, s *server, at netip.AddrPort) error {
	listener, err := l.cfg.Sockets.Listen("peer "+at.String(), func() (net.Listener, error) {
		return listenConfig.Listen(ctx, "tcp", at.String())
	})
	if err != nil {
		return err
	}
	l.setTrap(at, nil)
	defer context.AfterFunc(ctx, func() { _ = listener.Close() })()
	defer listener.Close()
	return s.accept(ctx, listener)
}

// listenConfig listens at an address that the machine does not have yet: the network
// may come up after us (ip(7), IP_FREEBIND).
var listenConfig = net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
	var failed error
	err := c.Control(func(fd uintptr) { failed = unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_FREEBIND, 1) })
	return errors.Join(err, failed)
}}

func (l *Link) setTrap(at netip.AddrPort, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.traps[at] = err
}

// stale is how old the newest beat of a director is that may have been away.
const stale = every + every/2

// follow keeps the view of one director.
func (l *Link) follow(ctx context.Context, name string) {
	for interrupted := false; ctx.Err() == nil; {
		interrupted = l.turn(ctx, name, !interrupted)
	}
}

// turn asks a director for its beat and waits until the next one is due. It is
// interrupted where it may be and the director comes to us meanwhile: then nothing is
// known yet, and whoever could do that twice in a row would never be missed.
func (l *Link) turn(ctx context.Context, name string, may bool) (interrupted bool) {
	turn, end := context.WithCancel(ctx)
	defer end()
	if may {
		l.setTurn(name, end)
	}
	defer l.setTurn(name, nil)
	var b Beat
	limited, cancel := context.WithTimeout(turn, beatTimeout)
	defer cancel()
	err := l.clients[name].ask(limited, "GET", pathBeat, nil, &b, maxBeat)
	switch {
	case ctx.Err() != nil:
		return false
	case err != nil && turn.Err() != nil:
		return true
	case err == nil && b.Node != name:
		err = fmt.Errorf("who answers says it is %q", b.Node)
	}
	v := l.note(name, b, err)
	wait := every
	if !v.Reachable {
		wait = min(max(every, time.Since(v.Since)/2), mostly)
	}
	l.setTurn(name, end)
	_ = pause.For(turn, wait) // cut short where the director comes to us
	return false
}

func (l *Link) setTurn(name string, end context.CancelFunc) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turns[name] = end
}

// meet is called when a director has connected to this one. Where that one has not
// answered lately it is tried again at once: an attempt that began while it was away
// hangs for two seconds more, and connections from before are dead.
func (l *Link) meet(name string) {
	l.mu.Lock()
	end := l.turns[name]
	if time.Since(l.views[name].Heard) < stale {
		end = nil
	}
	l.mu.Unlock()
	if end != nil {
		l.clients[name].http.CloseIdleConnections()
		end()
	}
}

func (l *Link) note(name string, b Beat, err error) View {
	l.mu.Lock()
	before := l.views[name]
	v := before.next(time.Now(), b, err)
	l.views[name] = v
	l.mu.Unlock()
	switch {
	case v.Reachable && !before.Reachable:
		l.cfg.Log.Info("peer link is up", "director", name, "version", b.Version)
	case before.Reachable && !v.Reachable:
		l.cfg.Log.Warn("peer link is down", "director", name, "error", v.Cause)
	}
	l.cfg.Changed(v)
	return v
}

// Views are what is known of each other director, by name.
func (l *Link) Views() map[string]View {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make(map[string]View, len(l.views))
	for name, v := range l.views {
		all[name] = v
	}
	return all
}

// Refused counts what came to nothing.
func (l *Link) Refused() map[string]uint64 { return l.refused.counts() }

// Problem is why no director can connect to this one at some of its addresses.
func (l *Link) Problem() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []error
	for _, a := range l.cfg.Self.Addresses {
		errs = append(errs, l.traps[netip.AddrPortFrom(a, l.cfg.Port)])
	}
	return errors.Join(errs...)
}

// Director asks another director for what its status says of itself.
func (l *Link) Director(ctx context.Context, name string) (d api.Director, err error) {
	return d, l.request(ctx, name, "GET", pathDirector, nil, &d)
}

// Words asks another director for what it knows of the operator's words.
func (l *Link) Words(ctx context.Context, name string) (all Words, err error) {
	return all, l.request(ctx, name, "GET", pathWords, nil, &all)
}

// Tell gives another director what is known here of the operator's words.
func (l *Link) Tell(ctx context.Context, name string, all Words) error {
	var nothing struct{}
	return l.request(ctx, name, "POST", pathWords, all, &nothing)
}

// Connections gives every connection of another director's kernel to f.
func (l *Link) Connections(ctx context.Context, name string, f func(lvs.Conn)) error {
	c := l.clients[name]
	if c == nil {
		return fmt.Errorf("peer: no director is named %q", name)
	}
	resp, err := c.open(ctx, "GET", pathConns, nil)
	if err == nil {
		defer resp.Body.Close()
		err = lvs.ReadConns(io.LimitReader(resp.Body, maxConns), f)
	}
	if err != nil {
		return fmt.Errorf("peer: connections of %s: %w", name, err)
	}
	return nil
}

// Plan asks another director what a reload of its file would change there.
func (l *Link) Plan(ctx context.Context, name string) (p api.Plan, err error) {
	return p, l.request(ctx, name, "GET", pathPlan, nil, &p)
}

// Reload has another director take its file into force, if that has this digest.
func (l *Link) Reload(ctx context.Context, name, digest string) (r api.Reload, err error) {
	return r, l.request(ctx, name, "POST", pathReload, reload{digest}, &r)
}

func (l *Link) request(ctx context.Context, name, method, path string, said, v any) error {
	c := l.clients[name]
	if c == nil {
		return fmt.Errorf("peer: no director is named %q", name)
	}
	if err := c.ask(ctx, method, path, said, v, maxBody); err != nil {
		return fmt.Errorf("peer: ask %s: %w", name, err)
	}
	return nil
}
