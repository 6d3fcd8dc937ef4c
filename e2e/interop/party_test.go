package interop

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"failover/e2e/lab"
	"failover/internal/api"
	"failover/vrrp"
)

// lease is how long the addresses of a dead failover stay.
const lease = 3 * time.Second

// realtime is the priority of the neighbours' processes, as failover gives its
// engine one: this machine is busy with other tests, and an interval is 100 ms.
const realtime = "20"

// wholeLog is more lines than a log has.
const wholeLog = 100_000

// party is one of the two routers of a pair.
type party interface {
	name() string
	node() *lab.Node
	side() side
	// start starts it, stop ends it in order, kill ends all its processes at once.
	start(context.Context) error
	stop(context.Context) error
	kill() error
	// views is what it says of each of its virtual routers.
	views(context.Context) (map[string]view, error)
	// yields tells whether its addresses go when it is killed.
	yields() bool
	// counts tells whether what it says counts the adverts that it rejects for a
	// reason, in the words of failover.
	counts(reason string) bool
	log() string
}

// view is what a party says of one virtual router.
type view struct {
	State       string // init, backup, master or fault
	Priority    int    // effective
	Interval    time.Duration
	Sent        uint64
	Received    uint64
	Rejected    uint64
	Transitions uint64
}

// ours is the director that runs failover.
type ours struct {
	unit *lab.Unit
	cfg  trial
}

func newOurs(n *lab.Node, c trial) (*ours, error) {
	spec := lab.Failover{Binary: program}.Unit(n)
	spec.Restart = false
	u, err := n.Supervise(spec)
	if err != nil {
		return nil, err
	}
	return &ours{unit: u, cfg: c}, n.WriteFile("/etc/failover/failover.toml", []byte(oursTOML(c)), 0o644)
}

func oursTOML(c trial) string {
	mine := c.ours()
	var b strings.Builder
	fmt.Fprintf(&b, "[director.%s]\naddress = %q\npriority = %d\n", c.OursOn,
		networks(4)[1].source[c.OursOn], mine.Priority)
	for i, n := range networks(c.Family) {
		list := n.virtual
		if i == 0 {
			list = slices.Concat(list, mine.Extra)
			if c.Family == 6 {
				list = list[1:] // it is made of the VRID
			}
		}
		var words []string
		for _, p := range list {
			words = append(words, fmt.Sprintf("%q", p))
		}
		fmt.Fprintf(&b, "\n[virtual_router.%s]\ninterface = %q\nvrid = %d\naddresses = [%s]\n", n.router, n.link, n.vrid, strings.Join(words, ", "))
		fmt.Fprintf(&b, "advert_interval = %q\npreempt = %t\ngroup = \"pair\"\naddress_lease = %q\n", mine.Interval, !mine.NoPreempt, lease)
		fmt.Fprintf(&b, "transport = %q\n", c.Transport)
		switch {
		case c.Transport == vrrp.Unicast:
			fmt.Fprintf(&b, "source = { %s = %q }\npeers = [%q]\n", c.OursOn, n.unicast[c.OursOn], n.unicast[other(c.OursOn)])
		case c.Family == 4:
			fmt.Fprintf(&b, "source = { %s = %q }\n", c.OursOn, n.source[c.OursOn])
		}
		if c.Checksum != "" {
			fmt.Fprintf(&b, "checksum = %q\n", c.Checksum)
		}
		if mine.Version != 3 {
			fmt.Fprintf(&b, "version = %d\n", mine.Version)
		}
		if mine.Auth != "" {
			fmt.Fprintf(&b, "auth = %q\n", mine.Auth)
		}
		if c.VMAC {
			fmt.Fprintf(&b, "virtual_mac = true\n")
		}
	}
	return b.String()
}

// other is the director that is not the named one.
func other(director string) string {
	if director == "lb1" {
		return "lb2"
	}
	return "lb1"
}

func (o *ours) name() string                    { return "failover" }
func (o *ours) node() *lab.Node                 { return o.unit.Node }
func (o *ours) side() side                      { return o.cfg.ours() }
func (o *ours) yields() bool                    { return true }
func (o *ours) counts(string) bool              { return true }
func (o *ours) log() string                     { return o.unit.LogTail(wholeLog) }
func (o *ours) start(ctx context.Context) error { return o.unit.Start(ctx) }
func (o *ours) stop(ctx context.Context) error  { return o.unit.Stop(ctx) }
func (o *ours) kill() error                     { return o.unit.Kill9(false) }

// routers is what the program's status says.
func (o *ours) routers(ctx context.Context) ([]api.VirtualRouter, error) {
	s, err := o.status(ctx)
	if err != nil {
		return nil, err
	}
	for _, d := range s.Directors {
		if d.Self {
			return d.VirtualRouters, nil
		}
	}
	return nil, fmt.Errorf("status of failover: it does not show itself: %+v", s)
}

func (o *ours) views(ctx context.Context) (map[string]view, error) {
	list, err := o.routers(ctx)
	if err != nil {
		return nil, err
	}
	all := map[string]view{}
	for _, r := range list {
		all[r.Name] = view{
			State: r.State, Priority: r.EffectivePriority,
			Interval: time.Duration(r.MasterIntervalMS) * time.Millisecond,
			Sent:     r.AdvertsSent, Received: r.AdvertsReceived, Rejected: r.AdvertsRejected,
			Transitions: r.Transitions,
		}
	}
	return all, nil
}
