//go:build linux

package ipvs_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"failover/lvs"
	"failover/lvs/lvstest"
)

// foreignRules are somebody else's, beside and between ours. One of IPv6 is among
// them, because the first and the last service of a family cost the kernel ten
// times what the others do.
const foreignRules = `-A -t 172.20.10.4:8080 -s mh -p 60
-a -t 172.20.10.4:8080 -r 192.168.33.91:80 -m -w 0
-a -t 172.20.10.4:8080 -r 192.168.33.92:80 -m -w 3
-A -u 172.20.10.4:80 -s rr
-A -u [2001:db8::4]:80 -s rr
-A -f 8 -s wlc
-a -f 8 -r 192.168.33.91:0 -g -w 1
`

// TestRandomTables walks from one random table to the next on the real kernel: no
// operation fails, what is there afterwards is what was wanted, foreign entries
// are as they were, and ipvsadm sees the same. Beside it the fake that every other
// test trusts goes the same way. Nothing else may change an IPVS meanwhile, not in
// another namespace either: the kernel's hash of services is one for all, and a dump
// by ipvsadm goes on by place in it (net/netfilter/ipvs/ip_vs_ctl.c,
// ip_vs_genl_dump_services).
func TestRandomTables(t *testing.T) {
	tables := 5000
	if testing.Short() {
		tables = 500
	}
	k := open(t)
	syncDevice(t, "sync0")
	restore(t, foreignRules)
	foreign := parse(t, foreignRules)
	var fake lvstest.Kernel
	have := dump(t, k)
	fake.Become(have)
	generator := lvstest.Tables()
	var want lvs.Table
	var owned lvs.Owned
	var took [3]time.Duration
	operations := 0
	for seed := range tables {
		start := time.Now()
		want = next(want, generator.Example(seed), seed)
		took[0] += time.Since(start)
		start = time.Now()
		ops := lvs.Diff(have, want, owned)
		operations += len(ops)
		for i, err := range k.DoAll(context.Background(), ops) {
			if err != nil {
				t.Fatalf("seed %d: %s: %v", seed, ops[i], err)
			}
		}
		took[1] += time.Since(start)
		start = time.Now()
		have = dump(t, k)
		took[2] += time.Since(start)
		owned = owned.With(want)
		fake.Stranger(ops...)
		checkTable(t, seed, have, want, foreign, &fake)
		if seed%100 == 0 {
			checkText(t, seed, have)
		}
	}
	t.Logf("%d tables, %d operations: making tables up %v, operations %v, dumps %v", tables, operations, took[0], took[1], took[2])
}

// next is the table after was: mostly with one service of fresh in it or its own
// changed, which goes through the differences of a service; every fifth is another
// altogether.
func next(was, fresh lvs.Table, seed int) lvs.Table {
	if seed%5 == 0 || len(fresh.Services) == 0 || fresh.Sync != nil || was.Sync != nil {
		return fresh
	}
	s := fresh.Services[0]
	out := lvs.Table{Services: slices.Clone(was.Services), Timeouts: was.Timeouts}
	i := slices.IndexFunc(out.Services, func(o lvs.Service) bool { return o.Key.Is6() == s.Key.Is6() })
	if i < 0 {
		out.Services = append(out.Services, s)
		return out
	}
	// Its attributes and servers for the service that is there.
	s.Key = out.Services[i].Key
	out.Services[i] = s
	return out
}

func checkTable(t *testing.T, seed int, have, want, foreign lvs.Table, fake *lvstest.Kernel) {
	t.Helper()
	all := lvs.Table{Services: slices.Concat(want.Services, foreign.Services)}
	if lvs.Digest(have) != lvs.Digest(all) {
		t.Fatalf("seed %d: the kernel has\n%swant\n%s", seed, lvs.Format(have), lvs.Format(lvs.Sorted(all)))
	}
	if ops := lvs.Diff(have, want, lvs.Owned{Roles: []lvs.Role{lvs.SyncMaster, lvs.SyncBackup}}); len(ops) > 0 {
		t.Fatalf("seed %d: still to do: %v", seed, ops)
	}
	same, err := fake.Dump(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if a, b := lvs.Format(have), lvs.Format(same); a != b || have.Timeouts != same.Timeouts || len(have.Sync) != len(same.Sync) {
		t.Fatalf("seed %d: the kernel has\n%s%s, sync %v\nthe fake\n%s%s, sync %v", seed, a, have.Timeouts, have.Sync, b, same.Timeouts, same.Sync)
	}
}

// checkText holds what ipvsadm prints against our text. It leaves the thresholds
// out, and its order of addresses is another.
func checkText(t *testing.T, seed int, have lvs.Table) {
	t.Helper()
	have = lvs.Sorted(have) // a copy
	for _, s := range have.Services {
		for i := range s.Servers {
			s.Servers[i].Upper, s.Servers[i].Lower = 0, 0
		}
	}
	got, ours := strings.Split(ipvsadm(t, "-Sn"), "\n"), strings.Split(lvs.Format(have), "\n")
	slices.Sort(got)
	slices.Sort(ours)
	if !slices.Equal(got, ours) {
		t.Fatalf("seed %d: ipvsadm -Sn\n%s\nours\n%s", seed, strings.Join(got, "\n"), strings.Join(ours, "\n"))
	}
}
