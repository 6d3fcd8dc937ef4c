package e2e

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"failover/e2e/chaos"
	"failover/e2e/lab"
)

// fault does what a kind of step does to a director (or to what the step says) and
// returns how it is mended, nil where it mends itself.
type fault func(c *chaotic, it *lab.Node, s chaos.Step) (mend func() error, err error)

// faults are the ways in which the kinds of steps are done.
var faults = map[chaos.Kind]fault{
	chaos.Stop: func(c *chaotic, it *lab.Node, _ chaos.Step) (func() error, error) {
		return c.starts(it), c.pair.Unit(it).Stop(within(c.t, 30*time.Second))
	},
	chaos.KillEngine: func(c *chaotic, it *lab.Node, _ chaos.Step) (func() error, error) {
		return c.started(it), c.pair.Unit(it).KillMain(true)
	},
	chaos.EngineDead: func(c *chaotic, it *lab.Node, _ chaos.Step) (func() error, error) {
		return c.starts(it), c.pair.Unit(it).KillMain(false)
	},
	chaos.KillDirector: func(c *chaotic, it *lab.Node, _ chaos.Step) (func() error, error) {
		return nil, syscall.Kill(c.child(c.t, it), syscall.SIGKILL)
	},
	chaos.KillAll: func(c *chaotic, it *lab.Node, _ chaos.Step) (func() error, error) {
		return c.started(it), c.pair.Unit(it).Kill9(true)
	},
	chaos.AllDead: func(c *chaotic, it *lab.Node, _ chaos.Step) (func() error, error) {
		return c.starts(it), c.pair.Unit(it).Kill9(false)
	},
	chaos.Switchover: func(c *chaotic, _ *lab.Node, _ chaos.Step) (func() error, error) {
		_, err := c.run(c.t, c.master, "switchover")
		c.master = c.Other(c.master)
		return nil, err
	},
	chaos.Restart: func(c *chaotic, it *lab.Node, _ chaos.Step) (func() error, error) {
		_, err := c.run(c.t, it, "restart")
		return nil, err
	},
	chaos.CutLink: func(c *chaotic, it *lab.Node, s chaos.Step) (func() error, error) {
		return func() error { return c.Restore(it, s.Network()) }, c.Cut(it, s.Network())
	},
	chaos.CutLinks: func(c *chaotic, it *lab.Node, _ chaos.Step) (func() error, error) {
		return func() error { return c.Restore(it) }, c.Cut(it)
	},
	chaos.Partition: func(c *chaotic, it *lab.Node, _ chaos.Step) (func() error, error) {
		return func() error { return c.Restore(it) }, c.Isolate(it)
	},
	chaos.Deaf:  deafens,
	chaos.Lossy: loses,
	chaos.Freeze: func(c *chaotic, it *lab.Node, _ chaos.Step) (func() error, error) {
		unit := c.pair.Unit(it)
		unit.SignalAll(syscall.SIGSTOP)
		return func() error { unit.SignalAll(syscall.SIGCONT); return nil }, nil
	},
	chaos.FreezeDirector: func(c *chaotic, it *lab.Node, _ chaos.Step) (func() error, error) {
		pid := c.child(c.t, it)
		return func() error { return syscall.Kill(pid, syscall.SIGCONT) }, syscall.Kill(pid, syscall.SIGSTOP)
	},
	chaos.ClockStep: func(_ *chaotic, _ *lab.Node, s chaos.Step) (func() error, error) {
		by := time.Duration(s.Amount) * time.Second
		return func() error { return setClock(-by) }, setClock(by)
	},
	chaos.Devices:   pulls,
	chaos.Namespace: renews,
	chaos.WebDies: func(c *chaotic, _ *lab.Node, s chaos.Step) (func() error, error) {
		web := c.Web1
		if s.Hit == chaos.Web2 {
			web = c.Web2
		}
		web.Stop()
		return web.Start, nil
	},
	chaos.Reload: weighs,
	chaos.StrangerClears: func(c *chaotic, it *lab.Node, _ chaos.Step) (func() error, error) {
		return nil, c.meddle(it, "-C")
	},
	chaos.StrangerTakes: func(c *chaotic, it *lab.Node, _ chaos.Step) (func() error, error) {
		return nil, c.meddle(it, "-D -t "+lab.Service)
	},
	chaos.StrangerEdits: func(c *chaotic, it *lab.Node, s chaos.Step) (func() error, error) {
		return nil, c.meddle(it, "-e -t "+lab.Service+" -r 192.168.33.92:80 -m -w "+strconv.Itoa(s.Amount))
	},
}

func (c *chaotic) starts(n *lab.Node) func() error {
	return func() error { return c.pair.Unit(n).Start(within(c.t, 60*time.Second)) }
}

// started waits until the supervisor has started a service again that runs now.
func (c *chaotic) started(n *lab.Node) func() error {
	unit := c.pair.Unit(n)
	before := unit.MainPID()
	return func() error {
		eventually(c.t, 20*time.Second, "a new process", func() (bool, error) { return unit.MainPID() != before, nil })
		return unit.WaitReady(within(c.t, 60*time.Second))
	}
}

func (c *chaotic) meddle(n *lab.Node, args string) error {
	_, err := n.Run(within(c.t, 20*time.Second), append([]string{"ipvsadm"}, strings.Fields(args)...)...)
	return err
}

// deafens drops what comes from the other director, on both networks.
func deafens(c *chaotic, it *lab.Node, _ chaos.Step) (func() error, error) {
	from := "172.20.10.6, 192.168.33.94"
	if it == c.LB2 {
		from = "172.20.10.5, 192.168.33.91"
	}
	_, err := it.Run(within(c.t, 20*time.Second), "nft", "add table ip chaos; add chain ip chaos in { type filter hook input priority -300; }; "+
		"add rule ip chaos in ip saddr { "+from+" } drop")
	return func() error {
		_, err := it.Run(within(c.t, 20*time.Second), "nft", "delete table ip chaos")
		return err
	}, err
}

// loses drops a part of what a director sends and delays the rest.
func loses(c *chaotic, it *lab.Node, s chaos.Step) (func() error, error) {
	links := []string{"eth1", "eth2"}
	each := func(args func(link string) string) error {
		var errs []error
		for _, link := range links {
			_, err := it.Run(within(c.t, 20*time.Second), strings.Fields(args(link))...)
			errs = append(errs, err)
		}
		return errors.Join(errs...)
	}
	err := each(func(link string) string {
		return fmt.Sprintf("tc qdisc add dev %s root netem loss %d%% delay %dms %dms", link, s.Amount, 2*s.Amount, s.Amount)
	})
	return func() error { return each(func(link string) string { return "tc qdisc del dev " + link + " root" }) }, err
}

// pulls takes a director's devices away and gives it new ones.
func pulls(c *chaotic, it *lab.Node, _ chaos.Step) (func() error, error) {
	err := c.watch.aside(func() error { return errors.Join(c.Pull(it, "outside"), c.Pull(it, "inside")) })
	return func() error { return c.inserts(it) }, err
}

func (c *chaotic) inserts(it *lab.Node) error {
	return errors.Join(c.Insert(it, "outside"), c.Insert(it, "inside"))
}

// renews kills a director and destroys its network; it comes back with a new one.
func renews(c *chaotic, it *lab.Node, _ chaos.Step) (func() error, error) {
	if err := c.pair.Unit(it).Kill9(false); err != nil {
		return nil, err
	}
	err := c.watch.aside(func() error { return c.Renew(it) })
	return func() error {
		if err := errors.Join(c.pair.System.Prepare(it), c.inserts(it)); err != nil {
			return err
		}
		return c.starts(it)()
	}, err
}

// weighs gives web1 another weight by a reload of both directors.
func weighs(c *chaotic, _ *lab.Node, s chaos.Step) (func() error, error) {
	setup := c.pair.Setup
	setup.Servers = append([]lab.Server(nil), setup.Servers...)
	weight := s.Amount
	if weight == setup.Servers[0].Weight {
		weight++
	}
	setup.Servers[0].Weight = weight
	if err := c.pair.Configure(setup); err != nil {
		return nil, err
	}
	if !c.ours {
		return nil, c.pair.Reload()
	}
	_, err := c.run(c.t, c.LB1, "reload", "--pair")
	return nil, err
}

// setClock steps the clock of the machine, which all of the lab has.
func setClock(by time.Duration) error {
	now := unix.NsecToTimespec(time.Now().Add(by).UnixNano())
	if err := unix.ClockSettime(unix.CLOCK_REALTIME, &now); err != nil {
		return fmt.Errorf("step the clock by %v: %w", by, err)
	}
	return nil
}
