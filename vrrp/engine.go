package vrrp

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// ErrStopped is returned by [Engine.Status] once Run has ended.
var ErrStopped = errors.New("vrrp: the engine has stopped")

const (
	renewEvery   = time.Second           // how often the lease of the addresses is renewed
	lingerFor    = 60 * time.Millisecond // from another master's word until we let go
	firstRetry   = 10 * time.Millisecond // after a failed Set; doubles up to renewEvery
	reopenEvery  = time.Second           // how often a port that did not open is tried again
	lateAtMost   = 10 * time.Millisecond // a wakeup later than this is counted as late
	giveUpAfter  = 2 * time.Second       // how long Stop waits for the host to let go
	unreadAtMost = 1024                  // packets and commands read while a timer is due
	noticesKept  = 1024                  // transitions that wait for a slow OnTransition
)

// claimAfter is the time from our first advert until we claim the addresses where the
// master before us serves on: for what it has to say of the connections that began in
// the last seconds. A client may come back with a port that the kernel here still knows
// for another real server; what it sends now would be reset there. A kernel reads some
// thousand connections in that time, and from the claim to the end of lingerFor there is
// as much again for the announcement.
const claimAfter = 25 * time.Millisecond

// EngineConfig is what an [Engine] works with.
type EngineConfig struct {
	Conn Conn
	Host Host
	// Recorder keeps what must outlive the process; nil: nothing is kept.
	Recorder Recorder
	// Log gets one Info line per change of role and one Warn line per new trouble,
	// never from the loop; nil: nothing is logged.
	Log *slog.Logger
	// OnTransition gets every change of a group's state, in order, from a goroutine
	// of its own; one that blocks delays nothing but later calls. It may be nil.
	OnTransition func(Transition)
}

// Engine runs the elections of one machine. Its methods may be called from any
// goroutine. The newest value counts, and saying it again changes nothing.
type Engine struct {
	conn     Conn
	host     Host
	recorder Recorder
	log      *slog.Logger
	done     chan struct{}

	mu    sync.Mutex
	queue []func()

	// What follows belongs to the loop.
	now       Instant
	packet    Packet
	advert    Advert
	wire      []byte
	out       []Output
	commands  []func()
	unread    int
	stopping  bool
	stopError error
	sweeping  bool // a retired group may be done
	groups    map[string]*elector
	order     []string // names as configured
	deadlines deadlines
	routers   map[routerKey]routerRef
	links     map[string]Link
	health    map[string]Health
	ports     map[portKey]*port
	expected  []GroupConfig // that another engine has still
	handing   *handing      // asked for; nil: nothing is
	// handedOver tells, once done is closed, that another engine goes on.
	handedOver bool
	reopenAt   Instant
	unmatched  map[string]*[rejectCount]uint64 // by interface
	herald     *herald
	pace       pacer
	work       context.Context // of the executors
	executors  sync.WaitGroup
}

// NewEngine returns an engine that waits for [Engine.Run]. Until its first
// [Engine.Configure] it idles.
func NewEngine(c EngineConfig) *Engine {
	log := c.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Engine{
		conn: c.Conn, host: c.Host, recorder: c.Recorder, log: log,
		done:   make(chan struct{}),
		groups: map[string]*elector{}, routers: map[routerKey]routerRef{}, links: map[string]Link{},
		ports: map[portKey]*port{}, unmatched: map[string]*[rejectCount]uint64{},
		reopenAt: Never, herald: newHerald(log, c.OnTransition),
	}
}

// Configure makes groups the groups of this machine. A group of the same name
// keeps its role and timers where it can; one that is gone hands over; a new one
// starts, by its entry in adopt as master if the process before this one was it
// moments ago on the same boot.
func (e *Engine) Configure(groups []GroupConfig, adopt map[string]Record) {
	groups, adopt = slices.Clone(groups), maps.Clone(adopt)
	e.do(func() { e.configure(groups, adopt) })
}

// SetHealth says how fit this machine is for each group, all of them at once: a
// group that is not in the map is not ready.
func (e *Engine) SetHealth(health map[string]Health) {
	health = maps.Clone(health)
	e.do(func() {
		e.health = health
		for name, el := range e.groups {
			e.step(el, Input{Kind: InputHealth, Health: health[name]})
		}
	})
}

// SetLinks says how the named interfaces are; about others nothing is said. An
// interface that is gone is told with an Index of 0, and one that was never told
// of is not there.
func (e *Engine) SetLinks(links []Link) {
	links = slices.Clone(links)
	e.do(func() {
		var moved []string
		for _, l := range links {
			if was := e.links[l.Name]; was.Index == l.Index && l.Moved > was.Moved {
				moved = append(moved, l.Name)
			}
			e.links[l.Name] = l
		}
		e.relink()
		e.reannounce(moved)
	})
}

// AddressLost says that somebody took an address away. If it is one that we
// hold, it is put back and announced at once.
func (e *Engine) AddressLost(iface string, address netip.Prefix) {
	e.do(func() {
		for _, el := range e.groups {
			if el.group.Hold && el.owns(iface, address) {
				e.post(el)
				e.schedule(el)
			}
		}
	})
}

// WayLost says that somebody took a route or a rule of a group away. It is put
// back at once, if the group holds it.
func (e *Engine) WayLost(group string) {
	e.do(func() {
		if el := e.groups[group]; el != nil && el.group.Hold {
			e.post(el)
			e.schedule(el)
		}
	})
}

// Stop hands every group over; Run returns when all have let go.
func (e *Engine) Stop() {
	e.do(func() {
		e.stopping = true
		for _, el := range e.groups {
			e.retire(el, Cause{Kind: CauseStopped})
		}
	})
}

// do runs f in the loop, soon.
func (e *Engine) do(f func()) {
	select {
	case <-e.done:
		return
	default:
	}
	e.mu.Lock()
	e.queue = append(e.queue, f)
	e.mu.Unlock()
	e.conn.Wake()
}

// obey runs the waiting commands and tells whether there were any.
func (e *Engine) obey() bool {
	e.mu.Lock()
	e.commands, e.queue = e.queue, e.commands[:0]
	e.mu.Unlock()
	for i, f := range e.commands {
		f()
		e.commands[i] = nil
	}
	return len(e.commands) > 0
}
