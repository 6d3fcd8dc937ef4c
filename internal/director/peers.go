package director

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"sync"
	"time"

	"failover/check"
	"failover/conf"
	"failover/internal/api"
	"failover/internal/peer"
	"failover/internal/policy"
	"failover/lvs"
)

const (
	// peerTimeout bounds one question to another director.
	peerTimeout = 2 * time.Second
	// linkRetry is how soon a link that cannot be opened is tried again.
	linkRetry = 10 * time.Second
)

// Link is the connection with the other directors.
type Link interface {
	Run(context.Context) error
	Views() map[string]peer.View
	Refused() map[string]uint64
	Problem() error
	Director(ctx context.Context, name string) (api.Director, error)
	Words(ctx context.Context, name string) (peer.Words, error)
	Tell(ctx context.Context, name string, all peer.Words) error
	// Connections gives every connection of another director's kernel to f.
	Connections(ctx context.Context, name string, f func(lvs.Conn)) error
	Plan(ctx context.Context, name string) (api.Plan, error)
	Reload(ctx context.Context, name, digest string) (api.Reload, error)
}

// linkSpec is what makes a link another one.
type linkSpec struct {
	on     bool
	key    string // file of the private key
	port   uint16
	self   conf.Director
	others []conf.Director
}

// peers keeps the link that the configuration asks for.
type peers struct {
	d *Director

	mu   sync.Mutex
	want linkSpec
	link Link  // nil: none, or err
	err  error // why there is none
	stop func()
}

// newPeers keeps no link yet. Where the machine has no doer for one there is none.
func newPeers(d *Director) *peers { return &peers{d: d, stop: func() {}} }

// set brings the link that a node asks for about. Without it everything else works.
func (p *peers) set(n conf.Node) {
	p.mu.Lock()
	defer p.mu.Unlock()
	want := linkSpec{
		on: n.PeerLink, key: n.Daemon.PrivateKey, port: n.Daemon.PeerPort,
		self: conf.Director{Name: n.Name, Addresses: n.Addresses, PublicKey: n.PublicKey}, others: n.Peers,
	}
	if reflect.DeepEqual(want, p.want) && p.err == nil {
		return
	}
	p.stop()
	p.want, p.link, p.err, p.stop = want, nil, nil, func() {}
	if !want.on || p.d.o.Parts.Link == nil {
		return
	}
	if p.link, p.err = p.open(want); p.err != nil {
		p.link = nil
		p.d.log.Error("no peer link", "error", p.err)
		return
	}
	ctx, cancel := context.WithCancel(p.d.ctx)
	ended := make(chan struct{})
	link := p.link
	p.d.running.Go(func() {
		defer close(ended)
		if err := link.Run(ctx); err != nil {
			p.d.log.Error("peer link", "error", err)
		}
	})
	p.stop = func() { cancel(); <-ended }
}

func (p *peers) open(want linkSpec) (Link, error) {
	key, err := p.d.o.Parts.Key(want.key)
	if err != nil {
		return nil, err
	}
	c := peer.Config{Key: key, Port: want.port, Local: localEnd{p.d}, Changed: p.changed, Sockets: p.d.sockets, Log: p.d.log}
	if c.Self, err = peerOf(want.self); err != nil {
		return nil, err
	}
	for _, other := range want.others {
		one, err := peerOf(other)
		if err != nil {
			return nil, err
		}
		c.Others = append(c.Others, one)
	}
	return p.d.o.Parts.Link(c)
}

func peerOf(d conf.Director) (peer.Director, error) {
	key, err := peer.ParsePublic(d.PublicKey)
	return peer.Director{Name: d.Name, Addresses: d.Addresses, Key: key}, err
}

// keep tries again what could not be opened, until ctx ends.
func (p *peers) keep(ctx context.Context) {
	again := time.NewTicker(linkRetry)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
		if s := p.d.shown.Load(); s != nil && p.trouble() != nil {
			p.set(s.world.Node)
		}
	}
}

func (p *peers) trouble() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// now is the link of this moment; nil: there is none.
func (p *peers) now() Link {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.link
}

// look is what is known by the link at one moment.
func (p *peers) look() linkFacts {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := linkFacts{wanted: p.want.on, err: p.err}
	if p.link != nil {
		f.views, f.refused = p.link.Views(), p.link.Refused()
		f.err = p.link.Problem()
	}
	return f
}

// linkFacts are what status tells of the link.
type linkFacts struct {
	wanted  bool // the configuration has one
	err     error
	views   map[string]peer.View
	refused map[string]uint64
	// words is the digest of the operator's words here.
	words string
	// others are what the directors say that were asked just now.
	others map[string]api.Director
}

// ask asks every director that is reached for its own status.
func (p *peers) ask(ctx context.Context, views map[string]peer.View) map[string]api.Director {
	link := p.now()
	if link == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, peerTimeout)
	defer cancel()
	var mu sync.Mutex
	var all sync.WaitGroup
	others := map[string]api.Director{}
	for name, v := range views {
		if !v.Reachable {
			continue
		}
		all.Go(func() {
			d, err := link.Director(ctx, name)
			if err != nil {
				p.d.log.Debug("ask another director", "director", name, "error", err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			others[name] = d
		})
	}
	all.Wait()
	return others
}

// changed hears of each attempt to reach another director.
func (p *peers) changed(v peer.View) {
	p.d.joiner.hear(v)
	p.d.hearVerdicts(v)
	if v.Reachable && v.Beat.WordsDigest != digestOf(p.d.words()) {
		p.d.running.Go(func() { p.hear(v.Name) })
	}
}

// hear takes up what another director knows of the operator's words. What it does not
// know it will ask for itself.
func (p *peers) hear(name string) {
	link := p.now()
	if link == nil {
		return
	}
	ctx, cancel := context.WithTimeout(p.d.ctx, peerTimeout)
	defer cancel()
	all, err := link.Words(ctx, name)
	if err == nil {
		err = localEnd{p.d}.Told(name, all)
	}
	if err != nil && p.d.ctx.Err() == nil {
		p.d.log.Warn("the operator's words on another director are not known", "director", name, "error", err)
	}
}

// tell tells the others at once; what it returns is who could not be told.
func (p *peers) tell(ctx context.Context) (problems []string) {
	link := p.now()
	if link == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, peerTimeout)
	defer cancel()
	views, all := link.Views(), p.d.words()
	for _, other := range p.names(views) {
		err := errors.New(views[other].Cause)
		if views[other].Reachable {
			err = link.Tell(ctx, other, all)
		}
		if err != nil {
			problems = append(problems, fmt.Sprintf("%s has not been told: %v; it will be when it is reached", other, err))
		}
	}
	return problems
}

func (p *peers) names(views map[string]peer.View) []string {
	var names []string
	for name := range views {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// words are all that the operator has said, in one order.
func (d *Director) words() peer.Words {
	w := peer.Words{Overrides: []peer.Override{}, Preferences: []peer.Preference{}}
	for id, o := range d.overrides.words() {
		w.Overrides = append(w.Overrides, peer.Override{VirtualServer: id.VirtualServer, RealServer: id.RealServer, Override: o.Word()})
	}
	for group, p := range d.preferences.words() {
		w.Preferences = append(w.Preferences, peer.Preference{Group: group, Preference: p})
	}
	slices.SortFunc(w.Overrides, func(a, b peer.Override) int {
		return cmp.Or(cmp.Compare(a.VirtualServer, b.VirtualServer), cmp.Compare(a.RealServer, b.RealServer))
	})
	slices.SortFunc(w.Preferences, func(a, b peer.Preference) int { return cmp.Compare(a.Group, b.Group) })
	return w
}

// digestOf sums up the operator's words.
func digestOf(w peer.Words) string {
	data, err := json.Marshal(w)
	if err != nil {
		panic(fmt.Sprintf("director: digest of the operator's words: %v", err)) // plain values always encode
	}
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// localEnd is this director as the others see it.
type localEnd struct{ d *Director }

// Beat implements [peer.Local].
func (l localEnd) Beat() peer.Beat {
	b := peer.Beat{
		Version:     l.d.o.Version,
		WordsDigest: digestOf(l.d.words()), Groups: map[string]string{},
	}
	if s := l.d.shown.Load(); s != nil {
		b.Node, b.ConfigDigest, b.TableDigest = s.world.Node.Name, s.world.Node.Digest, s.result.Digest
		b.Verdicts = verdictsOf(s.world, time.Now())
		for name, r := range s.roles {
			b.Groups[name] = string(r)
		}
	}
	return b
}

// Director implements [peer.Local].
func (l localEnd) Director() (api.Director, error) {
	f, err := l.d.gather(l.d.ctx)
	if err != nil {
		return api.Director{}, err
	}
	s := report(f)
	i := slices.IndexFunc(s.Directors, func(d api.Director) bool { return d.Self })
	return s.Directors[i], nil
}

// Words implements [peer.Local].
func (l localEnd) Words() peer.Words { return l.d.words() }

// Told implements [peer.Local].
func (l localEnd) Told(from string, all peer.Words) error {
	s := l.d.shown.Load()
	if s == nil {
		return errors.New("the director is still starting")
	}
	told := map[check.ID]policy.Override{}
	for _, o := range all.Overrides {
		told[check.ID{VirtualServer: o.VirtualServer, RealServer: o.RealServer}] = o.Override
	}
	policy.DropStale(told, s.world.Node) // its file may have what ours has not
	var news []check.ID
	err := l.d.overrides.change(func(m map[check.ID]policy.Override) { news = policy.MergeWords(m, told) })
	for _, id := range news {
		l.d.log.Info("the operator's word, by another director", "director", from,
			"virtual_server", id.VirtualServer, "real_server", id.RealServer, "operator", spell(told[id]))
	}
	groups, unkept := l.d.toldPreferences(from, s.world.Node, all.Preferences)
	if len(news)+groups > 0 {
		l.d.box.look()
	}
	return errors.Join(err, unkept)
}

// Connections implements [peer.Local].
func (l localEnd) Connections(w io.Writer) error { return l.d.o.Parts.Connections.Copy(w) }

// linkedTo are the directors that this one has a link to.
func (p *peers) linkedTo() (names []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.link == nil {
		return nil
	}
	for _, o := range p.want.others {
		names = append(names, o.Name)
	}
	return names
}

// readKey is [peer.ReadKey], with what to do where there is none.
func readKey(path string) (ed25519.PrivateKey, error) {
	key, err := peer.ReadKey(path)
	if err != nil {
		return nil, fmt.Errorf("%w: failover keygen makes one", err)
	}
	return key, nil
}
