package interop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"failover/e2e/lab"
	"failover/vrrp"
)

const keepalivedDir = "/run/keepalived"

// keepalived is a director that runs keepalived, its instances in a sync group.
type keepalived struct {
	unit   *lab.Unit
	cfg    trial
	from   *release
	signal syscall.Signal // that makes it write its state as JSON
}

func newKeepalived(ctx context.Context, n *lab.Node, c trial, from *release) (*keepalived, error) {
	out, err := n.Run(ctx, from.on("keepalived", "--signum=JSON")...)
	if err != nil {
		return nil, err
	}
	k := &keepalived{cfg: c, from: from}
	if _, err := fmt.Sscan(out, (*int)(&k.signal)); err != nil {
		return nil, fmt.Errorf("keepalived --signum=JSON: %q: %w", out, err)
	}
	err = n.WriteFile(keepalivedDir+"/keepalived.conf", []byte(keepalivedConf(n.Name, c)), 0o644)
	if err != nil {
		return nil, err
	}
	k.unit, err = n.Supervise(lab.UnitSpec{
		Name:        "keepalived",
		ExecStart:   append([]string{"chrt", "--rr", realtime}, from.on("keepalived", "--use-file", keepalivedDir+"/keepalived.conf", "--vrrp", "--dont-fork", "--log-console", "--log-detail")...),
		Environment: []string{"TMPDIR=" + keepalivedDir}, // where the JSON goes
		// While its predecessor is a zombie it thinks that it is running already.
		Restart: true, RestartDelay: 50 * time.Millisecond,
	})
	return k, err
}

// keepalivedVersion is 2.2.7 or the like.
func keepalivedVersion(from *release) (string, error) {
	argv := from.here("keepalived", "--version")
	out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("keepalived --version: %w", err)
	}
	m := regexp.MustCompile(`Keepalived v([0-9.]+)`).FindSubmatch(out)
	if m == nil {
		return "", fmt.Errorf("keepalived --version: %q", out)
	}
	return string(m[1]), nil
}

func keepalivedConf(node string, c trial) string {
	its := c.theirs()
	var b strings.Builder
	fmt.Fprintf(&b, "global_defs {\n  router_id %s\n  vrrp_version %d\n", node, its.Version)
	if its.Checksum == vrrp.ChecksumRFC9568 {
		fmt.Fprintf(&b, "  v3_checksum_as_v2 on\n")
	}
	fmt.Fprintf(&b, "}\nvrrp_sync_group pair {\n  group {\n    outside\n    inside\n  }\n}\n")
	for i, n := range networks(c.Family) {
		fmt.Fprintf(&b, "vrrp_instance %s {\n  state BACKUP\n  interface %s\n  virtual_router_id %d\n", n.router, n.link, n.vrid)
		fmt.Fprintf(&b, "  priority %d\n  advert_int %.2f\n", its.Priority, its.Interval.Seconds())
		if its.NoPreempt {
			fmt.Fprintf(&b, "  nopreempt\n")
		}
		if c.PeerVMAC {
			fmt.Fprintf(&b, "  use_vmac\n")
		}
		if c.Transport == vrrp.Unicast {
			fmt.Fprintf(&b, "  unicast_src_ip %s\n  unicast_peer {\n    %s\n  }\n", n.unicast[node], n.unicast[other(node)])
			if c.Family == 6 && !c.NoTTL {
				fmt.Fprintf(&b, "  unicast_ttl 255\n") // else it is the machine's, 64
			}
		}
		if its.Auth != "" {
			fmt.Fprintf(&b, "  authentication {\n    auth_type PASS\n    auth_pass %s\n  }\n", its.Auth)
		}
		list := n.virtual
		if i == 0 {
			list = slices.Concat(list, its.Extra)
		}
		fmt.Fprintf(&b, "  virtual_ipaddress {\n")
		for _, p := range list {
			fmt.Fprintf(&b, "    %s\n", p)
		}
		fmt.Fprintf(&b, "  }\n}\n")
	}
	return b.String()
}

func (k *keepalived) name() string                   { return "keepalived" }
func (k *keepalived) node() *lab.Node                { return k.unit.Node }
func (k *keepalived) side() side                     { return k.cfg.theirs() }
func (k *keepalived) yields() bool                   { return false }
func (k *keepalived) counts(reason string) bool      { return strings.HasPrefix(reason, "auth") }
func (k *keepalived) log() string                    { return k.unit.LogTail(wholeLog) }
func (k *keepalived) stop(ctx context.Context) error { return k.unit.Stop(ctx) }
func (k *keepalived) kill() error                    { return k.unit.Kill9(false) }

// start returns when keepalived answers.
func (k *keepalived) start(ctx context.Context) error {
	if err := k.unit.Start(ctx); err != nil {
		return err
	}
	return lab.Eventually(ctx, "keepalived is up", func() (bool, error) {
		v, err := k.views(ctx)
		return err == nil && len(v) > 0, ctx.Err()
	})
}

// instance is one element of keepalived's JSON.
type instance struct {
	Data struct {
		Name     string  `json:"iname"`
		State    int     `json:"state"`
		Priority int     `json:"effective_priority"`
		Interval float64 `json:"master_adver_int"` // seconds
	} `json:"data"`
	Stats struct {
		Received      uint64 `json:"advert_rcvd"`
		Sent          uint64 `json:"advert_sent"`
		BecomeMaster  uint64 `json:"become_master"`
		ReleaseMaster uint64 `json:"release_master"`
		Length        uint64 `json:"packet_len_err"`
		Interval      uint64 `json:"advert_interval_err"`
		TTL           uint64 `json:"ip_ttl_err"`
		Type          uint64 `json:"invalid_type_rcvd"`
		Addresses     uint64 `json:"addr_list_err"`
		AuthType      uint64 `json:"invalid_authtype"`
		AuthMismatch  uint64 `json:"authtype_mismatch"`
		AuthFailure   uint64 `json:"auth_failure"`
	} `json:"stats"`
}

// instances asks keepalived for its state; it writes a file at a signal.
func (k *keepalived) instances(ctx context.Context) ([]instance, error) {
	file := keepalivedDir + "/keepalived.json"
	err := k.node().Do(func() error { return os.RemoveAll(file) })
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var all []instance
	var asked time.Time
	err = lab.Eventually(ctx, "keepalived writes its state", func() (bool, error) {
		// One that is just starting has not heard the signal.
		if time.Since(asked) > 250*time.Millisecond {
			asked = time.Now()
			if err := k.unit.Signal(k.signal); err != nil {
				return false, err
			}
		}
		text, err := k.node().ReadFile(file)
		if errors.Is(err, os.ErrNotExist) {
			return false, nil
		}
		// It is complete when it parses.
		return err == nil && json.Unmarshal(text, &all) == nil, err
	})
	return all, err
}

func (k *keepalived) views(ctx context.Context) (map[string]view, error) {
	list, err := k.instances(ctx)
	if err != nil {
		return nil, err
	}
	all := map[string]view{}
	for _, i := range list {
		s := &i.Stats
		rejected := s.Length + s.Interval + s.TTL + s.Type + s.AuthType + s.AuthMismatch + s.AuthFailure
		if k.from.debian < 13 {
			rejected += s.Addresses // from 2.3.3 on it counts them and takes them
		}
		all[i.Data.Name] = view{
			State:    map[int]string{0: "init", 1: "backup", 2: "master", 3: "fault"}[i.Data.State],
			Priority: i.Data.Priority,
			Interval: time.Duration(math.Round(i.Data.Interval*100)) * 10 * time.Millisecond,
			Sent:     s.Sent, Received: s.Received,
			Rejected:    rejected,
			Transitions: s.BecomeMaster + s.ReleaseMaster,
		}
	}
	return all, nil
}
