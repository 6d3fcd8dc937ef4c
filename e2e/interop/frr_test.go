package interop

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"time"

	"failover/e2e/lab"
)

const (
	zebra = "/usr/lib/frr/zebra"
	vrrpd = "/usr/lib/frr/vrrpd"
)

// frr is a director that runs FRR's vrrpd, with the zebra it needs. It has no
// groups: each of its virtual routers is on its own.
type frr struct {
	unit *lab.Unit
	cfg  trial
}

func newFRR(ctx context.Context, n *lab.Node, c trial) (*frr, error) {
	// What FRR leaves to the administrator: its run directory, a macvlan with the
	// virtual MAC that has the addresses for good, and that the machine does not
	// answer ARP on one link for the address of another, since the macvlan of a
	// backup keeps its address.
	script := []string{
		"install -d -o frr -g frr /run/frr",
		"echo 1 >/proc/sys/net/ipv4/conf/all/arp_ignore",
	}
	for i, net := range networks(c.Family) {
		link := fmt.Sprintf("vrrp%d-%d", c.Family, net.vrid)
		script = append(script,
			fmt.Sprintf("ip link add %s link %s type macvlan mode bridge", link, net.link),
			fmt.Sprintf("ip link set %s address 00:00:5e:00:%02x:%02x", link, 1+(c.Family/6), net.vrid),
			fmt.Sprintf("ip addr add %s dev %s", net.virtual, link))
		if i == 0 {
			for _, p := range c.Theirs.Extra {
				script = append(script, fmt.Sprintf("ip addr add %s dev %s", p, link))
			}
		}
		script = append(script, fmt.Sprintf("ip link set %s up", link))
	}
	if _, err := n.Run(ctx, "sh", "-ec", strings.Join(script, "\n")); err != nil {
		return nil, err
	}
	if err := n.WriteFile("/etc/frr/zebra.conf", nil, 0o644); err != nil {
		return nil, err
	}
	if err := n.WriteFile("/etc/frr/vrrpd.conf", []byte(vrrpdConf(c)), 0o644); err != nil {
		return nil, err
	}
	u, err := n.Supervise(lab.UnitSpec{
		Name: "frr",
		// zebra returns when it can be spoken to.
		ExecStart: []string{"chrt", "--rr", realtime, "sh", "-ec", zebra + " -d -f /etc/frr/zebra.conf\nexec " + vrrpd + " -f /etc/frr/vrrpd.conf"},
	})
	return &frr{unit: u, cfg: c}, err
}

// frrVersion is 8.4.4 or the like.
func frrVersion() (string, error) {
	out, err := exec.Command(vrrpd, "--version").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("vrrpd --version: %w", err)
	}
	m := regexp.MustCompile(`vrrpd version ([0-9.]+)`).FindSubmatch(out)
	if m == nil {
		return "", fmt.Errorf("vrrpd --version: %q", out)
	}
	return string(m[1]), nil
}

func vrrpdConf(c trial) string {
	var b strings.Builder
	fmt.Fprintf(&b, "log stdout informational\n")
	for i, n := range networks(c.Family) {
		fmt.Fprintf(&b, "interface %s\n", n.link)
		say := func(no, format string, args ...any) {
			fmt.Fprintf(&b, " %svrrp %d %s\n", no, n.vrid, fmt.Sprintf(format, args...))
		}
		say("", "version %d", c.Version)
		say("", "priority %d", c.Theirs.Priority)
		say("", "advertisement-interval %d", c.Theirs.every().Milliseconds())
		if c.Theirs.NoPreempt {
			say("no ", "preempt")
		}
		word := map[int]string{4: "ip", 6: "ipv6"}[c.Family]
		say("", "%s %s", word, n.virtual.Addr())
		if i == 0 {
			for _, p := range c.Theirs.Extra {
				say("", "%s %s", word, p.Addr())
			}
		}
		fmt.Fprintf(&b, "exit\n")
	}
	return b.String()
}

func (f *frr) name() string                   { return "frr" }
func (f *frr) node() *lab.Node                { return f.unit.Node }
func (f *frr) side() side                     { return f.cfg.Theirs }
func (f *frr) yields() bool                   { return false }
func (f *frr) stop(ctx context.Context) error { return f.unit.Stop(ctx) }
func (f *frr) kill() error                    { return f.unit.Kill9(false) }

// start returns when vrrpd answers.
func (f *frr) start(ctx context.Context) error {
	if err := f.unit.Start(ctx); err != nil {
		return err
	}
	return lab.Eventually(ctx, "vrrpd is up", func() (bool, error) {
		v, err := f.views(ctx)
		return err == nil && len(v) > 0, ctx.Err()
	})
}

// virtualRouter is one element of `show vrrp json`.
type virtualRouter struct {
	VRID int    `json:"vrid"`
	V4   family `json:"v4"`
	V6   family `json:"v6"`
}

type family struct {
	Status   string `json:"status"`
	Priority int    `json:"effectivePriority"`
	Interval int64  `json:"masterAdverInterval"` // milliseconds
	Stats    struct {
		Sent        uint64 `json:"adverTx"`
		Received    uint64 `json:"adverRx"`
		Transitions uint64 `json:"transitions"`
	} `json:"stats"`
}

func (f *frr) views(ctx context.Context) (map[string]view, error) {
	out, err := f.node().Run(ctx, "vtysh", "-d", "vrrpd", "-c", "show vrrp json")
	if err != nil {
		return nil, err
	}
	var list []virtualRouter
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		return nil, fmt.Errorf("show vrrp json: %w: %s", err, out)
	}
	all := map[string]view{}
	for _, n := range networks(f.cfg.Family) {
		for _, r := range list {
			if r.VRID != n.vrid {
				continue
			}
			x := r.V4
			if f.cfg.Family == 6 {
				x = r.V6
			}
			all[n.router] = view{
				State:    map[string]string{"Initialize": "init", "Backup": "backup", "Master": "master"}[x.Status],
				Priority: x.Priority, Interval: time.Duration(x.Interval) * time.Millisecond,
				Sent: x.Stats.Sent, Received: x.Stats.Received, Transitions: x.Stats.Transitions,
			}
		}
	}
	return all, nil
}
