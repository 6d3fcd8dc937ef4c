package lvs_test

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"failover/lvs"
	"failover/lvs/lvstest"
)

// parse reads a table and sets every server's ConfiguredWeight to at least 1.
func parse(t rapid.TB, text string) lvs.Table {
	t.Helper()
	table, err := lvs.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	for i := range table.Services {
		for j := range table.Services[i].Servers {
			r := &table.Services[i].Servers[j]
			r.ConfiguredWeight = max(1, r.Weight)
		}
	}
	return table
}

// lines writes operations the way the tables below have them.
func lines(ops []lvs.Op) string {
	var b strings.Builder
	for _, op := range ops {
		b.WriteString(op.String() + ": " + op.Reason + "\n")
	}
	return b.String()
}

func TestDiff(t *testing.T) {
	const web = "-A -t 172.20.10.4:80 -s rr\n"
	const w1 = "-a -t 172.20.10.4:80 -r 192.168.33.92:80 -m -w 1\n"
	const w2 = "-a -t 172.20.10.4:80 -r 192.168.33.93:80 -m -w 1\n"
	const w3 = "-a -t 172.20.10.4:80 -r 192.168.33.94:80 -m -w 1\n"
	const dns = "-A -u 172.20.10.4:53 -s wlc\n"
	mh := strings.Replace(web, "rr", "mh -b mh-fallback", 1)
	sub := func(text, old, new string) string { return strings.Replace(text, old, new, 1) }
	tests := []struct {
		name, actual, desired string
		owned                 string // services, as rules
		want                  string
	}{
		{name: "from empty", desired: web + w1 + w2, want: `
add-service -t 172.20.10.4:80: not in the table
add-server -t 172.20.10.4:80 -r 192.168.33.92:80: not in the table
add-server -t 172.20.10.4:80 -r 192.168.33.93:80: not in the table
`},
		{name: "adopted as it is", actual: web + w2 + w1, desired: web + w1 + w2, want: "\n"},
		{name: "adopted and corrected", actual: web + sub(w1, "-w 1", "-w 3") + w3, desired: web + w1 + w2, want: `
add-server -t 172.20.10.4:80 -r 192.168.33.93:80: not in the table
set-server -t 172.20.10.4:80 -r 192.168.33.92:80: weight 1, was 3
del-server -t 172.20.10.4:80 -r 192.168.33.94:80: not wanted any more
`},
		{name: "foreign service stays", actual: dns + web + w1, desired: web + w1, want: "\n"},
		{name: "our service goes", actual: dns + web + w1, desired: web + w1, owned: dns, want: `
del-service -u 172.20.10.4:53: not wanted any more
`},
		{name: "scheduler, flags, forward", actual: web + w1, desired: sub(web, "rr", "sh -b sh-port") + sub(w1, "-m", "-g"), want: `
set-service -t 172.20.10.4:80: scheduler sh, was rr; flags sh-port, were none
set-server -t 172.20.10.4:80 -r 192.168.33.92:80: forward dr, was nat
`},
		{name: "the live weight moves to the other", actual: web + w1 + sub(w2, "-w 1", "-w 0"), desired: web + sub(w1, "-w 1", "-w 0") + w2, want: `
set-server -t 172.20.10.4:80 -r 192.168.33.93:80: weight 1, was 0
set-server -t 172.20.10.4:80 -r 192.168.33.92:80: weight 0, was 1
`},
		{name: "another server altogether", actual: web + w1, desired: web + w2, want: `
add-server -t 172.20.10.4:80 -r 192.168.33.93:80: not in the table
del-server -t 172.20.10.4:80 -r 192.168.33.92:80: not wanted any more
`},
		{name: "mh: sequence", actual: mh + w2 + w1 + w3, desired: mh + w1 + w2 + w3, want: `
del-server -t 172.20.10.4:80 -r 192.168.33.93:80: sequence of servers, which mh goes by
add-server -t 172.20.10.4:80 -r 192.168.33.93:80: sequence of servers, which mh goes by
del-server -t 172.20.10.4:80 -r 192.168.33.94:80: sequence of servers, which mh goes by
add-server -t 172.20.10.4:80 -r 192.168.33.94:80: sequence of servers, which mh goes by
`},
		{name: "mh: a server down is added in two steps", actual: mh + w1, desired: mh + w1 + sub(w2, "-w 1", "-w 0"), want: `
add-server -t 172.20.10.4:80 -r 192.168.33.93:80: not in the table
set-server -t 172.20.10.4:80 -r 192.168.33.93:80: weight 0, once mh knows its weight
`},
		{name: "mh: quiesced with another weight than the configured one", actual: mh + sub(w1, "-w 1", "-w 3") + w2, desired: mh + sub(w1, "-w 1", "-w 0") + w2, want: `
set-server -t 172.20.10.4:80 -r 192.168.33.92:80: so that mh goes by weight 1
set-server -t 172.20.10.4:80 -r 192.168.33.92:80: weight 0, once mh knows its weight
`},
		{name: "mh comes after another scheduler", actual: web + sub(w1, "-w 1", "-w 0") + w2, desired: mh + sub(w1, "-w 1", "-w 0") + w2, want: `
set-service -t 172.20.10.4:80: scheduler mh, was rr; flags mh-fallback, were none
set-server -t 172.20.10.4:80 -r 192.168.33.92:80: so that mh goes by weight 1
set-server -t 172.20.10.4:80 -r 192.168.33.92:80: weight 0, once mh knows its weight
`},
		{name: "sorry server in", actual: web + w1 + w2, desired: web + sub(w1, "-w 1", "-w 0") + sub(w2, "-w 1", "-w 0") + w3, want: `
add-server -t 172.20.10.4:80 -r 192.168.33.94:80: not in the table
set-server -t 172.20.10.4:80 -r 192.168.33.92:80: weight 0, was 1
set-server -t 172.20.10.4:80 -r 192.168.33.93:80: weight 0, was 1
`},
		{name: "sorry server out", actual: web + sub(w1, "-w 1", "-w 0") + sub(w2, "-w 1", "-w 0") + w3, desired: web + w1 + w2, want: `
set-server -t 172.20.10.4:80 -r 192.168.33.92:80: weight 1, was 0
set-server -t 172.20.10.4:80 -r 192.168.33.93:80: weight 1, was 0
del-server -t 172.20.10.4:80 -r 192.168.33.94:80: not wanted any more
`},
		{name: "of the other family", actual: web + w1, desired: web + w1 + "-a -t 172.20.10.4:80 -r [2001:db8::5]:80 -i -w 1 --tun-type gre\n", want: `
add-server -t 172.20.10.4:80 -r [2001:db8::5]:80: not in the table
`},
		{name: "persistence", actual: web, desired: sub(web, "rr", "rr -p 300 -M 255.255.255.0"), want: `
set-service -t 172.20.10.4:80: flags persistent, were none; persistence 300 s, was 0 s; persistence mask 255.255.255.0, was none
`},
		{name: "thresholds", actual: web + w1, desired: web + sub(w1, "-w 1", "-w 1 -x 10 -y 5"), want: `
set-server -t 172.20.10.4:80 -r 192.168.33.92:80: thresholds 10/5, were 0/0
`},
		{name: "tunnel", actual: web + sub(w1, "-m -w 1", "-i -w 1 --tun-type gue --tun-port 6080"), desired: web + sub(w1, "-m", "-i"), want: `
set-server -t 172.20.10.4:80 -r 192.168.33.92:80: tunnel --tun-type ipip, was --tun-type gue --tun-port 6080 --tun-nocsum
`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			owned := lvs.Owned{}.With(parse(t, tt.owned))
			got := lines(lvs.Diff(parse(t, tt.actual), parse(t, tt.desired), owned))
			if diff := gocmp.Diff(strings.TrimPrefix(tt.want, "\n"), got); diff != "" {
				t.Errorf("operations (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDiffSync(t *testing.T) {
	master := lvs.Sync{Role: lvs.SyncMaster, Interface: "eth1", ID: 51}
	backup := lvs.Sync{Role: lvs.SyncBackup, Interface: "eth1", ID: 51}
	other := master
	other.ID = 7
	full := master
	full.Port, full.TTL, full.MaxLen = 8848, 1, 1472
	orphan := full
	orphan.Orphan = true
	long := master
	long.MaxLen = 8972
	ours := lvs.Owned{Roles: []lvs.Role{lvs.SyncMaster}}
	tests := []struct {
		name            string
		actual, desired []lvs.Sync
		owned           lvs.Owned
		want            string
	}{
		{"start both", nil, []lvs.Sync{master, backup}, lvs.Owned{}, "start-sync master: not running\nstart-sync backup: not running\n"},
		{"the kernel's defaults are no difference", []lvs.Sync{full}, []lvs.Sync{master}, lvs.Owned{}, ""},
		{"another syncid", []lvs.Sync{other}, []lvs.Sync{master}, lvs.Owned{}, "stop-sync master: " +
			"master on eth1, syncid 51, group 224.0.0.81:8848, ttl 1, was master on eth1, syncid 7, group 224.0.0.81:8848, ttl 1\nstart-sync master: " +
			"master on eth1, syncid 51, group 224.0.0.81:8848, ttl 1, was master on eth1, syncid 7, group 224.0.0.81:8848, ttl 1\n"},
		{"its device was made anew", []lvs.Sync{orphan}, []lvs.Sync{master}, lvs.Owned{}, "stop-sync master: the device or the address it was started on, eth1, is gone\n" +
			"start-sync master: the device or the address it was started on, eth1, is gone\n"},
		{"a length that is asked for", []lvs.Sync{full}, []lvs.Sync{long}, lvs.Owned{}, "stop-sync master: " +
			"master on eth1, syncid 51, group 224.0.0.81:8848, ttl 1, maxlen 8972, was master on eth1, syncid 51, group 224.0.0.81:8848, ttl 1, maxlen 1472\nstart-sync master: " +
			"master on eth1, syncid 51, group 224.0.0.81:8848, ttl 1, maxlen 8972, was master on eth1, syncid 51, group 224.0.0.81:8848, ttl 1, maxlen 1472\n"},
		{"a stranger's stays", []lvs.Sync{master, backup}, nil, lvs.Owned{}, ""},
		{"ours stops", []lvs.Sync{master, backup}, nil, ours, "stop-sync master: not wanted any more\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := lines(lvs.Diff(lvs.Table{Sync: tt.actual}, lvs.Table{Sync: tt.desired}, tt.owned))
			if got != tt.want {
				t.Errorf("got\n%swant\n%s", got, tt.want)
			}
		})
	}
}

func TestDiffTimeouts(t *testing.T) {
	have := lvs.Timeouts{TCP: 900, TCPFin: 120, UDP: 300}
	tests := []struct {
		want lvs.Timeouts
		ops  string
	}{
		{lvs.Timeouts{}, ""},
		{have, ""},
		{lvs.Timeouts{UDP: 300}, ""},
		{lvs.Timeouts{TCP: 7200, UDP: 300}, "set-timeouts tcp 7200 s: tcp timeout 7200 s, was 900 s\n"},
		{lvs.Timeouts{TCPFin: 30, UDP: 30}, "set-timeouts tcpfin 30 s, udp 30 s: tcpfin timeout 30 s, was 120 s; udp timeout 30 s, was 300 s\n"},
	}
	for _, tt := range tests {
		if got := lines(lvs.Diff(lvs.Table{Timeouts: have}, lvs.Table{Timeouts: tt.want}, lvs.Owned{})); got != tt.ops {
			t.Errorf("%+v:\n%swant\n%s", tt.want, got, tt.ops)
		}
	}
}

// wantedAfter is what the kernel should hold after apply(Diff(actual, desired)):
// the desired services, daemons and timeouts, the foreign services, and what is
// not asked for of the timeouts.
func wantedAfter(actual, desired lvs.Table, owned lvs.Owned) lvs.Table {
	ours := owned.With(desired)
	out := lvs.Table{Services: slices.Clone(desired.Services), Sync: desired.Sync, Timeouts: desired.Timeouts}
	for _, t := range []struct {
		to   *uint32
		have uint32
	}{{&out.Timeouts.TCP, actual.Timeouts.TCP}, {&out.Timeouts.TCPFin, actual.Timeouts.TCPFin}, {&out.Timeouts.UDP, actual.Timeouts.UDP}} {
		*t.to = cmp.Or(*t.to, t.have)
	}
	for _, s := range actual.Services {
		if !ours.Has(s.Key) {
			out.Services = append(out.Services, s)
		}
	}
	return out
}

// ownSome draws which services of a table are ours. The daemons and the servers of
// another family are: the kernel would refuse ours for a foreign one of the others.
func ownSome(t *rapid.T, table lvs.Table) lvs.Owned {
	some := lvs.Table{Sync: table.Sync}
	for _, s := range table.Services {
		mixed := func(r lvs.Server) bool { return r.Address.Addr().Is6() != s.Key.Is6() }
		if slices.ContainsFunc(s.Servers, mixed) || rapid.Bool().Draw(t, "ours") {
			some.Services = append(some.Services, s)
		}
	}
	return lvs.Owned{}.With(some)
}

// usable counts the servers that take connections.
func usable(table lvs.Table, key lvs.Key) int {
	n := 0
	for _, s := range table.Services {
		if s.Key != key {
			continue
		}
		for _, r := range s.Servers {
			if r.Weight > 0 {
				n++
			}
		}
	}
	return n
}

func find(table lvs.Table, key lvs.Key) *lvs.Service {
	for i := range table.Services {
		if table.Services[i].Key == key {
			return &table.Services[i]
		}
	}
	return nil
}

// checkPrefix holds a moment between two operations against the two ends: what
// had a server before and has one after has one now, one that takes connections
// unless the sequence of servers had to change; what is foreign is unchanged.
func checkPrefix(t *rapid.T, before, now, after lvs.Table, ours lvs.Owned) {
	for _, s := range before.Services {
		if !ours.Has(s.Key) {
			if n := find(now, s.Key); n == nil || lvs.Format(lvs.Table{Services: []lvs.Service{s}}) != lvs.Format(lvs.Table{Services: []lvs.Service{*n}}) {
				t.Fatalf("foreign service %s was touched", s.Key)
			}
			continue
		}
		n, a := find(now, s.Key), find(after, s.Key)
		if a == nil || len(s.Servers) == 0 || len(a.Servers) == 0 {
			continue
		}
		if n == nil || len(n.Servers) == 0 {
			t.Fatalf("%s is without a server on the way", s.Key)
		}
		if usable(before, s.Key) > 0 && usable(after, s.Key) > 0 && usable(now, s.Key) == 0 && !lvs.OrderMatters(a.Scheduler) {
			t.Fatalf("%s has no server that takes connections on the way", s.Key)
		}
	}
}

func TestDiffProperties(t *testing.T) {
	ctx := context.Background()
	rapid.Check(t, func(t *rapid.T) {
		before := lvstest.Tables().Draw(t, "actual")
		desired := lvstest.Tables().Draw(t, "desired")
		owned := ownSome(t, before)
		var k lvstest.Kernel
		k.Become(before)
		after := wantedAfter(before, desired, owned)
		ops := lvs.Diff(before, desired, owned)
		for _, op := range ops {
			if op.Reason == "" {
				t.Fatalf("%s has no reason", op)
			}
			if err := k.Do(ctx, op); err != nil {
				t.Fatal(err)
			}
			now, _ := k.Dump(ctx)
			checkPrefix(t, before, now, after, owned.With(desired))
		}
		got, _ := k.Dump(ctx)
		slices.SortFunc(got.Sync, func(a, b lvs.Sync) int { return strings.Compare(string(a.Role), string(b.Role)) })
		if lvs.Digest(got) != lvs.Digest(after) || got.Timeouts != after.Timeouts || !slices.Equal(got.Sync, after.Sync) {
			t.Fatalf("after the operations\n%swant\n%s", lvs.Format(got), lvs.Format(lvs.Sorted(after)))
		}
		if ops := lvs.Diff(got, desired, owned); len(ops) != 0 {
			t.Fatalf("a second time: %v", ops)
		}
		if ops := lvs.Diff(desired, desired, owned); len(ops) != 0 {
			t.Fatalf("Diff(d, d) = %v", ops)
		}
	})
}

// TestMHTableIsTheSame: whatever went before, directors that want the same go by
// the same weights in the same sequence, one that has only just started too.
func TestMHTableIsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		end := mhTable(t)
		end.Services[0].Scheduler = "mh"
		key := end.Services[0].Key
		var late lvstest.Kernel
		reach(t, &late, []lvs.Table{end})
		want := late.LastWeights(key)
		for range 2 {
			var k lvstest.Kernel
			before := mhTable(t)
			if rapid.Bool().Draw(t, "by a stranger") {
				k.Load(lvs.Format(before))
			}
			history := []lvs.Table{end}
			for range rapid.IntRange(0, 4).Draw(t, "changes") {
				history = append([]lvs.Table{mhTable(t)}, history...)
			}
			reach(t, &k, history)
			if got := k.LastWeights(key); !slices.Equal(got, want) {
				t.Fatalf("mh goes by %v here, by %v there", got, want)
			}
		}
	})
}

// mhTable draws a service that is mostly of mh, with servers of any weight.
func mhTable(t *rapid.T) lvs.Table {
	s := parse(t, "-A -t 172.20.10.4:80 -s mh -b mh-fallback").Services[0]
	if rapid.IntRange(0, 4).Draw(t, "another scheduler") == 0 {
		s.Scheduler, s.Flags = "wlc", 0
	}
	for _, n := range rapid.Permutation([]int{1, 2, 3, 4, 5}).Draw(t, "servers")[:rapid.IntRange(1, 5).Draw(t, "count")] {
		r := lvs.Server{Address: netip.MustParseAddrPort(fmt.Sprintf("192.168.33.%d:80", n)), Forward: lvs.DR, ConfiguredWeight: rapid.IntRange(1, 3).Draw(t, "weight")}
		if rapid.IntRange(0, 2).Draw(t, "down") > 0 {
			r.Weight = r.ConfiguredWeight
		}
		s.Servers = append(s.Servers, r)
	}
	return lvs.Table{Services: []lvs.Service{s}}
}

// reach has a Reconciler bring a kernel to one table after the other.
func reach(t *rapid.T, k *lvstest.Kernel, tables []lvs.Table) {
	results := make(chan lvs.Result, 16)
	r := lvs.New(lvs.Config{
		Kernel: k, Store: &lvstest.Store{}, Log: slog.New(slog.DiscardHandler), OnResult: func(r lvs.Result) { results <- r },
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- r.Run(ctx) }()
	for _, table := range tables {
		generation := r.Set(table)
		for res := range results {
			if res.Generation == generation {
				if !res.Converged {
					t.Fatalf("not reached: %+v", res)
				}
				break
			}
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}
