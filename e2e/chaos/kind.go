// Package chaos decides what happens to a pair of directors, one thing after the
// other, and what may be lost by each: the steps are a function of a seed, the
// promises are the table of docs/chaos.md. Package e2e does what it says.
package chaos

import "time"

// Kind is one thing that can happen to a pair.
type Kind string

// The kinds of steps. Each has its rows in the table of docs/chaos.md, and its way
// of being done in package e2e; a test holds the three against each other.
const (
	Stop           Kind = "stop"
	KillEngine     Kind = "kill engine"
	EngineDead     Kind = "kill engine, no restart"
	KillDirector   Kind = "kill director"
	KillAll        Kind = "kill all"
	AllDead        Kind = "kill all, no restart"
	Switchover     Kind = "switchover"
	Restart        Kind = "restart"
	CutLink        Kind = "cut one link"
	CutLinks       Kind = "cut both links"
	Partition      Kind = "partition"
	Deaf           Kind = "one-way loss"
	Lossy          Kind = "loss and delay"
	Freeze         Kind = "freeze"
	FreezeDirector Kind = "freeze director"
	ClockStep      Kind = "clock step"
	Devices        Kind = "devices pulled"
	Namespace      Kind = "namespace recreated"
	WebDies        Kind = "web server dies"
	Reload         Kind = "reload"
	StrangerClears Kind = "stranger: ipvsadm -C"
	StrangerTakes  Kind = "stranger: ipvsadm -D"
	StrangerEdits  Kind = "stranger: ipvsadm -e"
)

// Hit is what a step hits.
type Hit string

// What a step can hit. Who is master is known when it happens.
const (
	Master Hit = "master"
	Backup Hit = "backup"
	Pair   Hit = "pair"
	Web1   Hit = "web1"
	Web2   Hit = "web2"
)

// Spec is how steps of a kind are made.
type Spec struct {
	Kind Kind
	Hits []Hit // one of them, by chance
	// Least and Most are for how long it lasts before it is mended.
	Least, Most time.Duration
	// Low and High bound the amount: per cent of loss, a weight, seconds of a clock.
	Low, High int
	// Ours: another program has nothing of the kind.
	Ours bool
}

var (
	directors = []Hit{Master, Backup}
	webs      = []Hit{Web1, Web2}
	both      = []Hit{Pair}
)

const ms = time.Millisecond

// Kinds are all kinds of steps. A new one is a line here, a row in docs/chaos.md and
// an entry among the faults of package e2e.
var Kinds = []Spec{
	{Kind: Stop, Hits: directors, Least: 300 * ms, Most: 1000 * ms},
	{Kind: KillEngine, Hits: directors},
	{Kind: EngineDead, Hits: directors, Least: 600 * ms, Most: 1500 * ms},
	{Kind: KillDirector, Hits: directors, Ours: true},
	{Kind: KillAll, Hits: directors},
	{Kind: AllDead, Hits: directors, Least: 600 * ms, Most: 1500 * ms},
	{Kind: Switchover, Hits: both, Ours: true},
	{Kind: Restart, Hits: directors, Ours: true},
	{Kind: CutLink, Hits: directors, Least: 600 * ms, Most: 1500 * ms, High: 1},
	{Kind: CutLinks, Hits: directors, Least: 600 * ms, Most: 1500 * ms},
	{Kind: Partition, Hits: directors, Least: 600 * ms, Most: 1500 * ms},
	{Kind: Deaf, Hits: directors, Least: 600 * ms, Most: 1500 * ms},
	{Kind: Lossy, Hits: directors, Least: 1000 * ms, Most: 2000 * ms, Low: 1, High: 10},
	{Kind: Freeze, Hits: directors, Least: 500 * ms, Most: 1500 * ms},
	{Kind: FreezeDirector, Hits: directors, Least: 300 * ms, Most: 1500 * ms, Ours: true},
	{Kind: ClockStep, Hits: both, Least: 300 * ms, Most: 1000 * ms, Low: -7200, High: 7200},
	{Kind: Devices, Hits: directors, Least: 500 * ms, Most: 1000 * ms},
	{Kind: Namespace, Hits: directors, Least: 500 * ms, Most: 1000 * ms},
	{Kind: WebDies, Hits: webs, Least: 500 * ms, Most: 2000 * ms},
	{Kind: Reload, Hits: both, Low: 1, High: 5},
	{Kind: StrangerClears, Hits: directors, Ours: true},
	{Kind: StrangerTakes, Hits: directors, Ours: true},
	{Kind: StrangerEdits, Hits: directors, Low: 6, High: 9, Ours: true},
}

// SpecOf is the registry's entry of a kind, and whether there is one.
func SpecOf(k Kind) (Spec, bool) {
	for _, s := range Kinds {
		if s.Kind == k {
			return s, true
		}
	}
	return Spec{}, false
}
