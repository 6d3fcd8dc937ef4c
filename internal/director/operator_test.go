package director

import (
	"errors"
	"net/netip"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"failover/check"
	"failover/conf"
	"failover/internal/api"
	"failover/internal/ipc"
	"failover/internal/policy"
	"failover/lvs"
	"failover/vrrp"
)

var (
	webKey = lvs.Key{Protocol: lvs.TCP, Address: netip.MustParseAddrPort("172.20.10.4:80")}
	web1ID = check.ID{VirtualServer: "web", RealServer: "web1"}
)

// word is a word of the operator about web1.
func word(kind string) api.Operator {
	return api.Operator{VirtualServer: "web", RealServer: "web1", Operator: kind}
}

// operate says something and wants it done without a problem.
func (s *stand) operate(o api.Operator) api.Operated {
	s.t.Helper()
	got, err := s.dir.Operate(s.t.Context(), o)
	if err != nil || len(got.Problems) != 0 {
		s.t.Fatalf("%+v: %+v, %v", o, got, err)
	}
	return got
}

// busy gives web1 connections and persistent clients.
func (s *stand) busy(active, clients uint32) {
	s.kernel.SetStats(lvs.Stats{Servers: map[lvs.Key]map[lvs.ServerID]lvs.ServerStats{
		webKey: {"192.168.33.92:80": {Active: active, Persistent: clients}},
	}})
}

func (s *stand) wants(when, table string) {
	s.t.Helper()
	synctest.Wait()
	if got := s.table(); got != table {
		s.t.Errorf("%s: table\n%swant\n%s", when, got, table)
	}
}

var web1At = func(weight string) string {
	return strings.Replace(bothUp, "33.92:80 -m -w 1", "33.92:80 -m -w "+weight, 1)
}

// TestOperator goes through the words: each is in the kernel's table when the
// command returns, and the four facts stay apart.
func TestOperator(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, pairFile)
		s.line.routers = []vrrp.RouterStatus{{Name: "outside", State: vrrp.Backup}, {Name: "inside", State: vrrp.Backup}}
		s.start(ipc.Hello{})
		time.Sleep(time.Second)
		for _, step := range []struct {
			say    api.Operator
			table  string
			before string
		}{
			{api.Operator{VirtualServer: "web", RealServer: "web1", Operator: "weight", Weight: 7}, web1At("7"), ""},
			{api.Operator{VirtualServer: "web", RealServer: "192.168.33.92", Operator: "weight"}, web1At("0"), "weight"},
			{api.Operator{VirtualServer: "web", RealServer: "192.168.33.92:80", Operator: "disable"}, onlyWeb2, "weight"},
			{word(""), bothUp, "disable"},
			{word("drain"), web1At("0"), ""},
			{word("drain"), web1At("0"), "drain"},
		} {
			got := s.operate(step.say)
			s.wants(step.say.Operator, step.table)
			if got.Before != step.before || got.RealServer != "web1" || got.Quorum != "up" || len(got.Services) != 1 {
				t.Errorf("%+v: answered %+v", step.say, got)
			}
			rs := s.status().Directors[0].VirtualServers[0].RealServers[0]
			if rs.ConfiguredWeight != 1 || rs.Check != "up" || rs.Operator != step.say.Operator || !reflect.DeepEqual(rs, got.Services[0].RealServer) {
				t.Errorf("%+v: status %+v, the answer had %+v", step.say, rs, got.Services[0].RealServer)
			}
		}
		if st := s.status(); !st.Healthy {
			t.Errorf("what the operator wants is a problem: %q", st.Problems)
		}
		s.wants("enabled", web1At("0"))
		s.operate(word(""))
		s.wants("enabled", bothUp)
	})
}

// TestDrain waits for connections, then for persistent clients, then takes the
// server out, and a restart on the way forgets nothing.
func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, pairFile)
		s.start(ipc.Hello{})
		time.Sleep(time.Second)
		s.busy(2, 1)
		s.operate(word("drain"))
		time.Sleep(time.Minute)
		s.wants("while there are connections", web1At("0"))

		// Another director process on the same disk and kernel.
		next := newStand(t, pairFile)
		next.spoken.kept = s.spoken.kept
		next.kernel.Load(s.table())
		next.busy(2, 1)
		s.line.Close()
		<-s.done
		next.start(ipc.Hello{Resume: true})
		time.Sleep(time.Minute)
		next.wants("after a restart", web1At("0"))
		if ops := next.kernel.Done(); len(ops) != 0 {
			t.Errorf("a restart did %v", ops)
		}
		next.busy(0, 1)
		time.Sleep(time.Minute)
		next.wants("while there is a persistent client", web1At("0"))
		next.busy(0, 0)
		time.Sleep(policy.DrainCalm + 3*drainLook + settle)
		next.wants("when all have gone", onlyWeb2)
		rs := next.status().Directors[0].VirtualServers[0].RealServers[0]
		if !rs.Drained || rs.DrainForced || rs.Operator != "drain" || rs.KernelWeight != nil {
			t.Errorf("status %+v", rs)
		}
		if o := next.spoken.kept[web1ID]; !o.Drained {
			t.Errorf("on disk: %+v", o)
		}
	})
}

// TestDrainNow does not wait for persistent clients.
func TestDrainNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, pairFile)
		s.start(ipc.Hello{})
		time.Sleep(time.Second)
		s.busy(0, 5)
		s.operate(word("drain"))
		time.Sleep(time.Minute)
		s.wants("with persistent clients", web1At("0"))
		now := word("drain")
		now.Now = true
		s.operate(now)
		time.Sleep(policy.DrainCalm + 3*drainLook + settle)
		s.wants("now", onlyWeb2)
	})
}

// TestOperatorIsRefused: nothing is kept of what makes no sense, and the user is
// told what would.
func TestOperatorIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, strings.Replace(pairFile, `scheduler = "rr"`, `scheduler = "sh"`, 1))
		s.start(ipc.Hello{})
		time.Sleep(time.Second)
		for _, c := range []struct {
			say        api.Operator
			want, hint string
		}{
			{api.Operator{VirtualServer: "wbe", RealServer: "web1", Operator: "drain"}, `no virtual server is named "wbe"`, "did you mean web?"},
			{api.Operator{VirtualServer: "web", RealServer: "wbe2", Operator: "drain"}, `web has no real server "wbe2"`, "did you mean web2?"},
			{api.Operator{VirtualServer: "web", RealServer: "10.0.0.1", Operator: "drain"}, `"10.0.0.1"`, "real servers: web1, web2"},
			{word("dance"), `"dance"`, ""},
			{api.Operator{VirtualServer: "web", RealServer: "web1", Operator: "weight", Weight: conf.MaxWeight + 1}, "0 to 2147483647", ""},
			{api.Operator{VirtualServer: "web", RealServer: "web1", Operator: "weight", Weight: -1}, "0 to 2147483647", ""},
			{word("drain"), "scheduler sh refuses", "sh-fallback"},
			{word("weight"), "scheduler sh refuses", "failover disable web web1"},
		} {
			_, err := s.dir.Operate(t.Context(), c.say)
			var told *api.Error
			if !errors.As(err, &told) || !told.Invalid || !strings.Contains(told.Message, c.want) || !strings.Contains(told.Hint, c.hint) {
				t.Errorf("%+v: %#v, want %q and the hint %q", c.say, err, c.want, c.hint)
			}
		}
		s.operate(word("disable")) // that works with every scheduler
		s.spoken.full = errors.New("no space left on device")
		if _, err := s.dir.Operate(t.Context(), word("")); err == nil || !strings.Contains(err.Error(), "no space left") {
			t.Errorf("a full disk: %v", err)
		}
		s.wants("on a full disk", strings.Replace(onlyWeb2, "rr", "sh", 1))
	})
}

// TestReloadEndsOverrides of real servers that have left the file, and says so.
func TestReloadEndsOverrides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, pairFile)
		s.start(ipc.Hello{})
		time.Sleep(time.Second)
		s.operate(word("disable"))
		s.write(strings.Replace(pairFile, `{ name = "web1", address = "192.168.33.92:80" },`, ``, 1))
		plan, err := s.dir.Plan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.dir.Reload(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want := api.Change{Op: "-", Object: "operator virtual_server.web real_server.web1", Detail: "disable: the real server is not in the file any more"}
		for what, changes := range map[string][]api.Change{"plan": plan.Changes, "reload": r.Changes} {
			if len(changes) != 2 || changes[1] != want {
				t.Errorf("%s: %+v, want %+v", what, changes, want)
			}
		}
		if len(s.spoken.kept) != 0 {
			t.Errorf("on disk: %v", s.spoken.kept)
		}
		s.write(pairFile)
		if _, err := s.dir.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		s.wants("a server of the same name later", bothUp)
	})
}

// TestOverrideFile: what is kept comes back whole; what is damaged is said.
func TestOverrideFile(t *testing.T) {
	dir := t.TempDir()
	all := map[check.ID]policy.Override{
		web1ID: {Kind: policy.Drain, Since: time.Unix(1, 0).UTC(), Now: true, Drained: true, Forced: true},
		{VirtualServer: "web", RealServer: "web2"}: {Kind: policy.Weigh, Weight: 3, Since: time.Unix(2, 0).UTC()},
	}
	if got, err := Overrides(dir).Load(); err != nil || len(got) != 0 {
		t.Errorf("before anything was said: %v, %v", got, err)
	}
	if err := Overrides(dir).Save(all); err != nil {
		t.Fatal(err)
	}
	if got, err := Overrides(dir).Load(); err != nil || !reflect.DeepEqual(got, all) {
		t.Errorf("got %+v, %v, want %+v", got, err, all)
	}
	all[web1ID] = policy.Override{Kind: "dance"}
	if err := Overrides(dir).Save(all); err != nil {
		t.Fatal(err)
	}
	if got, err := Overrides(dir).Load(); err == nil || len(got) != 1 || !strings.Contains(err.Error(), filepath.Join(dir, "overrides.json")) {
		t.Errorf("a word of a later version: %v, %v", got, err)
	}
}

func TestFindServerByAddress(t *testing.T) {
	n := conf.Node{Servers: []conf.VirtualServer{{Name: "v6", Servers: []conf.RealServer{
		{Name: "a", Address: netip.MustParseAddrPort("[fd00::1]:80")}, {Name: "b", Address: netip.MustParseAddrPort("[fd00::2]:80")}, {Name: "c", Address: netip.MustParseAddrPort("[fd00::2]:81")},
	}}}}
	for name, want := range map[string]string{"fd00::1": "a", "[fd00::1]": "a", "[fd00:0::1]:80": "", "[fd00::2]:81": "c", "fd00::2": ""} {
		_, rs, err := findServer(n, "v6", name)
		if rs.Name != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v; want %q", name, rs.Name, err, want)
		}
	}
}
