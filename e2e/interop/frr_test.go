package interop

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"

	"failover/e2e/lab"
	"failover/vrrp"
)

const (
	zebra = "/usr/lib/frr/zebra"
	vrrpd = "/usr/lib/frr/vrrpd"

	frrDir = "/run/frr"
)

// frr is a director that runs FRR's vrrpd, with the zebra it needs. It has no
// groups: each of its virtual routers is on its own.
type frr struct {
	unit *lab.Unit
	cfg  trial
	from *release
}

func newFRR(ctx context.Context, n *lab.Node, c trial, from *release) (*frr, error) {
	if _, err := n.Run(ctx, "sh", "-ec", frrLinks(n.Name, c)); err != nil {
		return nil, err
	}
	if err := n.WriteFile(frrDir+"/vrrpd.conf", []byte(vrrpdConf(c)), 0o644); err != nil {
		return nil, err
	}
	if err := n.WriteFile(frrDir+"/zebra.conf", nil, 0o644); err != nil {
		return nil, err
	}
	u, err := n.Supervise(lab.UnitSpec{
		Name: "frr",
		// zebra returns when it can be spoken to.
		ExecStart: []string{"chrt", "--rr", realtime, "sh", "-ec",
			strings.Join(from.on(zebra, "-d", "-f", frrDir+"/zebra.conf"), " ") + "\n" +
				"exec " + strings.Join(from.on(vrrpd, "-f", frrDir+"/vrrpd.conf"), " ")},
	})
	return &frr{unit: u, cfg: c, from: from}, err
}

// frrLinks is what FRR leaves to the administrator: its run directory, a macvlan
// with the virtual MAC that has the addresses for good, and that the machine does
// not answer ARP on one link for the address of another, since the macvlan of a
// backup keeps its address. The adverts of IPv6 come from the newest link-local
// address of the macvlan.
func frrLinks(node string, c trial) string {
	script := []string{
		"install -d -o frr -g frr " + frrDir,
		"echo 1 >/proc/sys/net/ipv4/conf/all/arp_ignore",
	}
	for i, n := range networks(c.Family) {
		link := n.macvlan(c.Family)
		script = append(script,
			fmt.Sprintf("ip link add %s link %s type macvlan mode bridge", link, n.link),
			fmt.Sprintf("ip link set %s address 00:00:5e:00:%02x:%02x", link, 1+(c.Family/6), n.vrid))
		list := n.virtual
		if i == 0 {
			list = slices.Concat(list, c.Theirs.Extra)
		}
		for _, p := range list {
			script = append(script, fmt.Sprintf("ip addr add %s dev %s%s", p, link, nodad(p.Addr())))
		}
		if c.Family == 6 {
			script = append(script,
				fmt.Sprintf("ip link set %s addrgenmode none", link),
				fmt.Sprintf("ip addr add %s/64 dev %s nodad", n.source[node], link))
		}
		script = append(script, fmt.Sprintf("ip link set %s up", link))
	}
	return strings.Join(script, "\n")
}

// nodad is the word of ip(8) that has an address of IPv6 usable at once.
func nodad(a netip.Addr) string {
	if a.Is4() {
		return ""
	}
	return " nodad"
}

// frrVersion is 8.4.4 or the like.
func frrVersion(from *release) (string, error) {
	argv := from.here(vrrpd, "--version")
	out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
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
	its := c.theirs()
	var b strings.Builder
	fmt.Fprintf(&b, "log stdout informational\n")
	for i, n := range networks(c.Family) {
		fmt.Fprintf(&b, "interface %s\n", n.link)
		say := func(no, format string, args ...any) {
			fmt.Fprintf(&b, " %svrrp %d %s\n", no, n.vrid, fmt.Sprintf(format, args...))
		}
		say("", "version %d", its.Version)
		say("", "priority %d", its.Priority)
		say("", "advertisement-interval %d", its.Interval.Milliseconds())
		if its.NoPreempt {
			say("no ", "preempt")
		}
		if its.Checksum == vrrp.ChecksumRFC9568 {
			say("no ", "checksum-with-ipv4-pseudoheader")
		}
		list := n.virtual
		if i == 0 {
			list = slices.Concat(list, its.Extra)
		}
		for _, p := range list {
			say("", "%s %s", map[int]string{4: "ip", 6: "ipv6"}[c.Family], p.Addr())
		}
		fmt.Fprintf(&b, "exit\n")
	}
	return b.String()
}

func (f *frr) name() string                   { return "frr" }
func (f *frr) node() *lab.Node                { return f.unit.Node }
func (f *frr) side() side                     { return f.cfg.theirs() }
func (f *frr) yields() bool                   { return false }
func (f *frr) counts(string) bool             { return false }
func (f *frr) log() string                    { return f.unit.LogTail(wholeLog) }
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
	out, err := f.node().Run(ctx, f.from.on("vtysh", "-d", "vrrpd", "-c", "show vrrp json")...)
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
