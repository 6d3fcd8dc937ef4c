//go:build linux

package ipvs_test

import (
	"context"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"failover/lvs"
	"failover/lvs/lvstest"
)

// TestCounters: connections are counted, and counting is no change of the table.
func TestCounters(t *testing.T) {
	k := open(t)
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"10.77.0.1/32", "10.77.0.2/32"} {
		address, err := netlink.ParseAddr(text)
		if err == nil {
			err = netlink.AddrAdd(lo, address)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	listener, err := net.Listen("tcp", "10.77.0.2:8080")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	want := parse(t, "-A -t 10.77.0.1:80 -s rr\n-a -t 10.77.0.1:80 -r 10.77.0.2:8080 -m -w 1\n")
	become(t, k, want)
	before, err := k.Changed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const connections = 3
	for range connections {
		c, err := net.DialTimeout("tcp", "10.77.0.1:80", 10*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	key, server := want.Services[0].Key, want.Services[0].Servers[0].ID()
	var stats lvs.Stats
	for deadline := time.Now().Add(10 * time.Second); ; {
		if stats, err = k.Stats(t.Context()); err != nil {
			t.Fatal(err)
		}
		if stats.Services[key].Connections == connections || time.Now().After(deadline) {
			break
		}
	}
	s, r := stats.Services[key], stats.Servers[key][server]
	if s.Connections != connections || s.PacketsIn < 2*connections || s.BytesIn == 0 || s.PacketsOut == 0 {
		t.Errorf("service: %+v", s)
	}
	if r.Active != connections || r.Connections != connections {
		t.Errorf("server: %+v", r)
	}
	if after, err := k.Changed(t.Context()); err != nil || after != before {
		t.Errorf("connections changed the hash of the table: %v", err)
	}
}

// TestChanged: what the cheap look shows, and what only a dump does.
func TestChanged(t *testing.T) {
	k := open(t)
	restore(t, rules)
	tests := []struct {
		args []string
		seen bool
	}{
		{[]string{"-e", "-t", "172.20.10.4:80", "-r", "192.168.33.92:80", "-m", "-w", "2"}, true},
		{[]string{"-e", "-t", "172.20.10.4:80", "-r", "192.168.33.92:80", "-g", "-w", "2"}, true},
		{[]string{"-E", "-t", "172.20.10.4:80", "-s", "wrr"}, true},
		{[]string{"-E", "-t", "172.20.10.4:80", "-s", "wrr", "-p", "60"}, true},
		{[]string{"-d", "-t", "172.20.10.4:80", "-r", "192.168.33.92:80"}, true},
		{[]string{"-D", "-t", "172.20.10.4:80"}, true},
		{[]string{"-e", "-t", "172.20.10.4:443", "-r", "192.168.33.92:443", "-g", "-w", "0", "-x", "9"}, false},
		{[]string{"-E", "-t", "172.20.10.4:443", "-s", "sh"}, false},
		{[]string{"-C"}, true},
	}
	for _, tt := range tests {
		before, err := k.Changed(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ipvsadm(t, tt.args...)
		after, err := k.Changed(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if seen := before != after; seen != tt.seen {
			t.Errorf("ipvsadm %v: seen %v, want %v", tt.args, seen, tt.seen)
		}
	}
}

// TestReconciler: from whatever is there to the wanted table, and back to it
// after `ipvsadm -C`, with a stranger's service left alone.
func TestReconciler(t *testing.T) {
	k := open(t)
	const foreign = "-A -t 172.20.10.9:80 -s rr\n-a -t 172.20.10.9:80 -r 192.168.33.92:80 -g -w 1\n"
	restore(t, foreign)
	results := make(chan lvs.Result, 100)
	var store lvstest.Store
	r := lvs.New(lvs.Config{
		Kernel: k, Store: &store, Log: slog.New(slog.DiscardHandler), OnResult: func(r lvs.Result) { results <- r },
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = r.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	await := func(what string, ok func(lvs.Result) bool) lvs.Result {
		t.Helper()
		for end := time.After(20 * time.Second); ; {
			select {
			case res := <-results:
				if ok(res) {
					return res
				}
			case <-end:
				t.Fatalf("%s: not seen in 20 s", what)
			}
		}
	}
	want := parse(t, rules)
	r.Set(want)
	await("the wanted table", func(r lvs.Result) bool { return r.Converged })
	if got, all := ipvsadm(t, "-Sn"), lvs.Format(lvs.Sorted(parse(t, rules+foreign))); got != all {
		t.Errorf("the kernel has\n%swant\n%s", got, all)
	}
	ipvsadm(t, "-C")
	start := time.Now()
	res := await("the repair", func(r lvs.Result) bool { return r.Converged && r.Repairs > 0 })
	t.Logf("ipvsadm -C put back after %v, %d operations", time.Since(start), res.Repairs)
	if got := ipvsadm(t, "-Sn"); got != rules {
		t.Errorf("the kernel has\n%swant\n%s", got, rules)
	}
}
