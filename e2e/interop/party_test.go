package interop

import (
	"context"
	"encoding/json"
	"fmt"
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
	var b strings.Builder
	fmt.Fprintf(&b, "[director.%s]\naddress = %q\npriority = %d\n", c.OursOn,
		networks(4)[1].source[c.OursOn], c.Ours.Priority)
	for i, n := range networks(c.Family) {
		list := []string{fmt.Sprintf("%q", n.virtual)}
		if i == 0 {
			for _, p := range c.Ours.Extra {
				list = append(list, fmt.Sprintf("%q", p))
			}
		}
		fmt.Fprintf(&b, "\n[virtual_router.%s]\ninterface = %q\nvrid = %d\naddresses = [%s]\n", n.router, n.link, n.vrid, strings.Join(list, ", "))
		fmt.Fprintf(&b, "advert_interval = %q\npreempt = %t\ngroup = \"pair\"\naddress_lease = %q\n", c.Ours.every(), !c.Ours.NoPreempt, lease)
		fmt.Fprintf(&b, "source = { %s = %q }\ntransport = %q\n", c.OursOn, n.source[c.OursOn], c.Transport)
		if c.Transport == vrrp.Unicast {
			fmt.Fprintf(&b, "peers = [%q]\n", n.source[other(c.OursOn)])
		}
		if c.Checksum != "" {
			fmt.Fprintf(&b, "checksum = %q\n", c.Checksum)
		}
		if c.Version != 3 {
			fmt.Fprintf(&b, "version = %d\n", c.Version)
		}
		if c.Auth != "" {
			fmt.Fprintf(&b, "auth = %q\n", c.Auth)
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
func (o *ours) side() side                      { return o.cfg.Ours }
func (o *ours) yields() bool                    { return true }
func (o *ours) start(ctx context.Context) error { return o.unit.Start(ctx) }
func (o *ours) stop(ctx context.Context) error  { return o.unit.Stop(ctx) }
func (o *ours) kill() error                     { return o.unit.Kill9(false) }

// routers is what the program's status says.
func (o *ours) routers(ctx context.Context) ([]api.VirtualRouter, error) {
	// The exit code is 1 where something is wrong; the answer is complete.
	out, runErr := o.node().Run(ctx, program, "status", "--json")
	var s api.Status
	if err := json.Unmarshal([]byte(out), &s); err != nil {
		return nil, fmt.Errorf("status of failover: %w: %w", runErr, err)
	}
	for _, d := range s.Directors {
		if d.Self {
			return d.VirtualRouters, nil
		}
	}
	return nil, fmt.Errorf("status of failover: it does not show itself: %s", out)
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
