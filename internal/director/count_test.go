package director

import (
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"failover/conf"
	"failover/internal/ipc"
	"failover/lvs"
)

// TestCountsEveryOperation: what the kernel saw is what is counted, and nothing
// ever falls.
func TestCountsEveryOperation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, pairFile)
		s.start(ipc.Hello{})
		later()
		var last uint64
		for i := range 4 {
			s.setDown("192.168.33.92:80", i%2 == 0)
			if i == 2 {
				s.kernel.Flush()
			}
			time.Sleep(5 * time.Second)
			synctest.Wait()
			var sum uint64
			for _, n := range s.dir.shown.Load().counts.operations {
				sum += n
			}
			if sum != uint64(len(s.kernel.Done())) || sum <= last {
				t.Errorf("round %d: %d operations counted, %d before; the kernel saw %v", i, sum, last, s.kernel.Done())
			}
			last = sum
		}
		if c := s.dir.shown.Load().counts; c.repairs == 0 {
			t.Errorf("a flushed table was put back, but no repair is counted: %+v", c)
		}
	})
}

// TestCountsAddUp: of results that come faster than the loop looks only the
// newest is kept, but all are counted.
func TestCountsAddUp(t *testing.T) {
	box := newInbox()
	for range 3 {
		box.result(lvs.Result{Done: []lvs.Op{{Kind: lvs.AddServer}, {Kind: lvs.DelServer}}, Repairs: 1, Errors: make([]lvs.OpError, 2), Err: io.EOF})
	}
	box.refused()
	c := counts{errors: 1}
	c.take(box.drain().counts)
	c.take(box.drain().counts)
	if c.operations[lvs.AddServer] != 3 || c.operations[lvs.DelServer] != 3 || c.repairs != 3 || c.errors != 10 || c.refused != 1 || !c.lastRefused {
		t.Errorf("%+v", c)
	}
	shown := c.clone()
	c.plus(lvs.AddServer, 1)
	if shown.operations[lvs.AddServer] != 3 {
		t.Error("what was published changes afterwards")
	}
}

// TestOpKindsAreAll: a kind that is missing would come into being with its first
// operation, and a rate would not see that one.
func TestOpKindsAreAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, pairFile+"[ipvs.sync]\n")
		s.start(ipc.Hello{})
		later()
		s.write(strings.Replace(pairFile, `"rr"`, `"wrr"`, 1)) // set-service, stop-sync
		if _, err := s.dir.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, op := range s.kernel.Done() {
			if !slices.Contains(opKinds, op.Kind) {
				t.Errorf("%s is not listed", op.Kind)
			}
		}
	})
}

func TestReloadsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, pairFile)
		s.start(ipc.Hello{})
		later()
		w, first := s.watch(), time.Now()
		s.write(strings.Replace(pairFile, "vrid = 51", "vrid = 511", 1))
		if _, err := s.dir.Reload(t.Context()); err == nil {
			t.Fatal("a broken file was taken")
		}
		later()
		_, text := get(w, "/metrics")
		exposed(t, text, []string{`failover_config_reload_total{result="success"} 1`, `failover_config_reload_total{result="failure"} 1`,
			`failover_config_reload_last_successful 0`})
		s.write(pairFile)
		if _, err := s.dir.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		later()
		_, text = get(w, "/metrics")
		exposed(t, text, []string{`failover_config_reload_total{result="success"} 2`, `failover_config_reload_total{result="failure"} 1`,
			`failover_config_reload_last_successful 1`})
		if at := s.dir.shown.Load().counts.lastReload; !at.After(first) {
			t.Errorf("last reload at %s, want after %s", at, first)
		}
	})
}

// TestRememberedConfigurationIsNoReload: the one of a predecessor, in force
// because the file is broken, has no time of ours.
func TestRememberedConfigurationIsNoReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		good, err := conf.Parse("failover.toml", []byte(pairFile))
		if err != nil {
			t.Fatal(err)
		}
		s := newStand(t, "this is not TOML")
		s.memory.kept = &good
		s.start(ipc.Hello{Resume: true, StateDir: "/somewhere"})
		later()
		_, text := get(s.watch(), "/metrics")
		exposed(t, text, []string{`failover_config_reload_total{result="success"} 0`, `failover_config_reload_total{result="failure"} 1`,
			`failover_config_reload_last_successful 0`}, "failover_config_reload_success_timestamp_seconds")
	})
}
