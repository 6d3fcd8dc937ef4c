package policy

import (
	"testing"
	"time"

	"failover/check"
	"failover/conf"
	"failover/lvs"
)

func TestDrainOver(t *testing.T) {
	start := time.Unix(1000, 0)
	drain, now := Override{Kind: Drain, Since: start}, Override{Kind: Drain, Since: start, Now: true}
	for _, c := range []struct {
		name          string
		o             Override
		left          Left
		calm, timeout time.Duration
		after         time.Duration
		over, forced  bool
	}{
		{"connections", drain, Left{Connections: 1}, 0, 0, 1000 * time.Hour, false, false},
		{"clients", drain, Left{Clients: 1}, 0, 0, 1000 * time.Hour, false, false},
		{"clients, now", now, Left{Clients: 1}, DrainCalm, 0, time.Minute, true, false},
		{"connections, now", now, Left{Connections: 1}, 0, 0, time.Minute, false, false},
		{"nothing, just now", drain, Left{}, DrainCalm - 1, 0, time.Minute, false, false},
		{"nothing", drain, Left{}, DrainCalm, 0, time.Minute, true, false},
		{"before the timeout", drain, Left{Connections: 1}, 0, time.Minute, time.Minute - 1, false, false},
		{"timeout", drain, Left{Connections: 1}, 0, time.Minute, time.Minute, true, true},
		{"timeout, nothing left", drain, Left{}, 0, time.Minute, time.Minute, true, false},
		{"timeout, clients, now", now, Left{Clients: 1}, 0, time.Minute, time.Minute, true, false},
	} {
		if over, forced := DrainOver(c.o, c.left, c.calm, c.timeout, start.Add(c.after)); over != c.over || forced != c.forced {
			t.Errorf("%s: over %v, forced %v", c.name, over, forced)
		}
	}
}

// TestLeft: every service of the table counts, and of UDP what is inactive too.
func TestLeft(t *testing.T) {
	w := pair("rr")
	udp := w.Node.Servers[0]
	udp.Key.Protocol = lvs.UDP
	other := w.Node.Servers[0]
	other.Name, other.Key.FWMark = "other", 7
	w.Node.Servers = append(w.Node.Servers, udp, other)
	has := map[lvs.ServerID]lvs.ServerStats{lvs.ServerID(web1.String()): {Active: 2, Inactive: 30, Persistent: 5}}
	stats := lvs.Stats{Servers: map[lvs.Key]map[lvs.ServerID]lvs.ServerStats{
		w.Node.Servers[0].Key: has, udp.Key: has, other.Key: has,
	}}
	if got, want := LeftOf(w.Node, "web", "web1", stats), (Left{Connections: 2 + 32, Clients: 10}); got != want {
		t.Errorf("web1: %+v, want %+v", got, want)
	}
	if got := LeftOf(w.Node, "web", "web2", stats); got != (Left{}) {
		t.Errorf("web2, which is not in the table: %+v", got)
	}
}

// TestPersistentClients: who is bound to a server of weight 0 is taken from it
// where it is down, or the operator said now, and nowhere else.
func TestPersistentClients(t *testing.T) {
	const name = "net.ipv4.vs.expire_quiescent_template"
	for _, c := range []struct {
		name       string
		persistent bool
		status     check.Status
		o          Override
		want       string
	}{
		{"no persistence", false, check.Down, Override{}, ""},
		{"up", true, check.Up, Override{}, "0"},
		{"down", true, check.Down, Override{}, "1"},
		{"drain", true, check.Up, Override{Kind: Drain}, "0"},
		{"drain now", true, check.Up, Override{Kind: Drain, Now: true}, "1"},
		{"drain of one that is down", true, check.Down, Override{Kind: Drain}, "1"},
		{"weight 0", true, check.Up, Override{Kind: Weigh}, "0"},
		{"drained", true, check.Up, Override{Kind: Drain, Drained: true}, "1"},
		{"disabled", true, check.Up, Override{Kind: Disable}, "1"},
	} {
		w := pair("mh") // which keeps everybody in the table
		vs := &w.Node.Servers[0]
		if c.persistent {
			vs.Persistence, vs.Flags = time.Minute, lvs.FlagPersistent
		}
		w.judge("web1", c.status)
		w.judge("web2", check.Up)
		w.Overrides = map[check.ID]Override{CheckID(vs, &vs.Servers[0]): c.o}
		if got := Desired(w).Host.Sysctls[name]; got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestDropStale(t *testing.T) {
	w := pair("rr")
	here := check.ID{VirtualServer: "web", RealServer: "web1"}
	all := map[check.ID]Override{here: {Kind: Drain}, {VirtualServer: "web", RealServer: "web9"}: {}, {VirtualServer: "old", RealServer: "web1"}: {}}
	if gone := DropStale(all, w.Node); len(gone) != 2 || len(all) != 1 || all[here].Kind != Drain {
		t.Errorf("dropped %v, left %v", gone, all)
	}
	if gone := DropStale(all, conf.Node{}); len(gone) != 1 {
		t.Errorf("dropped %v", gone)
	}
}
