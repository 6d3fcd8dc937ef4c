//go:build linux

package ipvs_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"

	"failover/lvs"
	"failover/lvs/ipvs"
)

// missing skips a test that lacks what only a lab has: a kernel with IPVS, root,
// ipvsadm. In the lab (FAILOVER_IN_LAB=1) that is a failure where
// FAILOVER_REQUIRE lists it.
func missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("FAILOVER_IN_LAB") == "1" && strings.Contains(os.Getenv("FAILOVER_REQUIRE"), "lab") {
		t.Fatalf("required, but missing: %s", what)
	}
	t.Skipf("missing: %s", what)
}

// open gives the test a network namespace of its own and the IPVS in it. The
// thread is the test's until it ends and is then thrown away.
func open(t testing.TB) *ipvs.Kernel {
	t.Helper()
	if os.Geteuid() != 0 {
		missing(t, "root")
	}
	if _, err := exec.LookPath("ipvsadm"); err != nil {
		missing(t, "ipvsadm")
	}
	runtime.LockOSThread()
	ns, err := netns.New()
	if err != nil {
		missing(t, "network namespaces: "+err.Error())
	}
	t.Cleanup(func() { ns.Close() })
	k, err := ipvs.Open(t.Context(), slog.New(slog.DiscardHandler))
	if errors.Is(err, lvs.ErrNoIPVS) {
		missing(t, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.Close() })
	lo, err := netlink.LinkByName("lo")
	if err == nil {
		err = netlink.LinkSetUp(lo)
	}
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// ipvsadm runs it in the test's namespace and returns its output.
func ipvsadm(t testing.TB, args ...string) string {
	t.Helper()
	out, err := exec.Command("ipvsadm", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("ipvsadm %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// restore has ipvsadm make the rules.
func restore(t testing.TB, rules string) {
	t.Helper()
	cmd := exec.Command("ipvsadm", "-R")
	cmd.Stdin = strings.NewReader(rules)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ipvsadm -R: %v: %s", err, out)
	}
}

func parse(t testing.TB, rules string) lvs.Table {
	t.Helper()
	table, err := lvs.Parse(rules)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func dump(t testing.TB, k *ipvs.Kernel) lvs.Table {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	table, err := k.Dump(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func do(t testing.TB, k *ipvs.Kernel, ops ...lvs.Op) {
	t.Helper()
	for _, op := range ops {
		if err := k.Do(context.Background(), op); err != nil {
			t.Fatal(err)
		}
	}
}

// become makes the kernel's services, all ours, those of want.
func become(t testing.TB, k *ipvs.Kernel, want lvs.Table) []lvs.Op {
	t.Helper()
	have := dump(t, k)
	ops := lvs.Diff(have, want, lvs.Owned{}.With(have))
	do(t, k, ops...)
	return ops
}
