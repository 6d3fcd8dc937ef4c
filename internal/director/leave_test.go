package director

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"failover/internal/ipc"
	"failover/lvs"
)

var removeFile = pairFile + `
[ipvs]
on_stop = "remove"
stop_timeout = "30s"
[ipvs.sync]
`

// TestTakesItsPartAlong waits for the connections, then removes services and sync,
// then the guard, and leaves; sysctls and what is a stranger's stay.
func TestTakesItsPartAlong(t *testing.T) {
	for _, c := range []struct {
		name  string
		until time.Duration // the connections end; 0: they do not
		takes time.Duration
	}{
		{"connections end", 7 * time.Second, 8 * time.Second},
		{"connections do not end", 0, 31 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStand(t, removeFile)
				const foreign = "-A -t 172.20.10.4:443 -s wlc\n"
				s.kernel.Load(foreign)
				s.start(ipc.Hello{})
				time.Sleep(time.Second)
				if got := s.line.configures[0].Leave; got != 30*time.Second+leaveMargin {
					t.Errorf("the engine waits %v", got)
				}
				s.busy(1, 0)
				full, begin := s.table(), time.Now()
				s.line.toDirector <- ipc.ToDirector{Leave: true}
				time.Sleep(5 * time.Second)
				s.wants("while there are connections", full)
				if c.until > 0 {
					time.Sleep(c.until - time.Since(begin))
					s.busy(0, 0)
				}
				<-s.done
				if took := time.Since(begin); took < c.takes-time.Second || took > c.takes {
					t.Errorf("took %v", took)
				}
				s.wants("in the end", foreign)
				if d := s.host.last; d.Sysctls != nil || len(d.Guard.Services) != 0 || len(d.Guard.Replies) != 0 {
					t.Errorf("settings in the end: %+v", d)
				}
				if o, err := s.store.Load(t.Context()); err != nil || !o.Equal(lvs.Owned{}) {
					t.Errorf("owned in the end: %v, %v", o, err)
				}
			})
		})
	}
}

// TestTheYoungestAreTold: a connection that has just begun is none to wait for, but
// the sync master is, which has not told the neighbour of it yet.
func TestTheYoungestAreTold(t *testing.T) {
	for _, c := range []struct {
		name        string
		file        string
		inactive    uint32
		least, most time.Duration
	}{
		{"one has just begun", removeFile, 1, lvs.SyncFlush, lvs.SyncFlush + time.Second},
		{"none", removeFile, 0, 0, time.Second},
		{"nobody to tell", strings.Replace(removeFile, "[ipvs.sync]", "", 1), 1, 0, time.Second},
		{"the operator does not wait", strings.Replace(removeFile, `"30s"`, `"1s"`, 1), 1, time.Second, 2 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStand(t, c.file)
				s.start(ipc.Hello{})
				time.Sleep(time.Second)
				s.kernel.SetStats(lvs.Stats{Servers: map[lvs.Key]map[lvs.ServerID]lvs.ServerStats{
					webKey: {"192.168.33.92:80": {Inactive: c.inactive}},
				}})
				begin := time.Now()
				s.line.toDirector <- ipc.ToDirector{Leave: true}
				<-s.done
				if took := time.Since(begin); took < c.least || took > c.most {
					t.Errorf("took %v", took)
				}
				s.wants("in the end", "")
			})
		})
	}
}

// TestTheGuardGoesLast: it stands until the services are away, and where they do not
// go, it goes all the same: who asked for it wants the machine free.
func TestTheGuardGoesLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, removeFile)
		s.start(ipc.Hello{})
		time.Sleep(time.Second)
		s.kernel.Fault(func(op lvs.Op) error {
			if s.host.guard() == 0 {
				t.Errorf("the guard is away before %s", op)
			}
			if op.Kind == lvs.DelService {
				return errors.New("device or resource busy")
			}
			return nil
		})
		s.line.toDirector <- ipc.ToDirector{Leave: true}
		<-s.done
		if s.host.guard() != 0 {
			t.Error("the guard stays")
		}
		if !strings.Contains(s.table(), "172.20.10.4:80") {
			t.Error("the fault did not happen")
		}
		if o, err := s.store.Load(t.Context()); err != nil || len(o.Services) != 1 {
			t.Errorf("what stayed is not known to be ours: %v, %v", o, err)
		}
	})
}

// guard counts the services that the guard covers.
func (h *fakeHost) guard() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.last.Guard.Services)
}
