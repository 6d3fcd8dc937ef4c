package engine

import (
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"failover/internal/ipc"
	"failover/internal/state"
	"failover/vrrp"
)

// nothing is a health that says nothing of any group.
var nothing = map[string]vrrp.Health{}

func TestRuntimeDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	r, err := Claim(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Claim(dir); !errors.Is(err, ErrRunning) {
		t.Errorf("claimed twice: %v", err)
	}
	if _, err := Release(t.Context(), dir, true, slog.New(slog.DiscardHandler)); !errors.Is(err, ErrRunning) {
		t.Errorf("released beside an engine: %v", err)
	}
	if _, ok, err := Remembered(dir); ok || err != nil {
		t.Errorf("remembered %t, %v of nothing", ok, err)
	}
	if err := r.Configuration().Save(ipc.Configure{StateDir: "/x", Realtime: true}); err != nil {
		t.Fatal(err)
	}
	if c, ok, err := Remembered(dir); !ok || err != nil || c.StateDir != "/x" || !c.Realtime {
		t.Errorf("remembered %+v, %t, %v", c, ok, err)
	}
	if r.StopUnderWay() {
		t.Error("a stop is under way from the start")
	}
	if err := r.MarkStop(); err != nil || !r.StopUnderWay() {
		t.Errorf("mark: %v, under way %t", err, r.StopUnderWay())
	}
	r.Release()
	if r, err = Claim(dir); err != nil {
		t.Fatalf("claim what was released: %v", err)
	}
	if !r.StopUnderWay() {
		t.Error("the mark went with its process")
	}
	if err := r.Stopped(); err != nil || r.StopUnderWay() {
		t.Errorf("stopped: %v, under way %t", err, r.StopUnderWay())
	}
	if err := r.Stopped(); err != nil {
		t.Errorf("stopped again: %v", err)
	}
	if _, ok, err := Remembered(dir); ok || err != nil {
		t.Errorf("remembered %t, %v after a stop", ok, err)
	}
	r.Release()
}

func TestDamagedConfigurationIsReported(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "engine.json"), []byte("{]"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := Remembered(dir); ok || !errors.Is(err, state.ErrCorrupt) {
		t.Errorf("remembered %t, %v", ok, err)
	}
}

func TestLeaseOfTheDirector(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turned := make(chan time.Time, 8)
		s := &supervisor{turned: func() { turned <- time.Now() }, alive: time.Now()}
		begin := time.Now()
		go s.watchLease(t.Context())
		for range 5 { // it speaks each second
			time.Sleep(time.Second)
			s.heard(ipc.ToEngine{Alive: true})
		}
		if s.lost() {
			t.Error("lost although it speaks")
		}
		last := time.Since(begin)
		at := <-turned
		if silent := at.Sub(begin) - last; !s.lost() || silent < directorLease || silent > directorLease+directorLease/5 {
			t.Errorf("lost %t after %v of silence, the lease is %v", s.lost(), silent, directorLease)
		}
		time.Sleep(time.Minute)
		if len(turned) > 0 {
			t.Error("lost more than once")
		}
	})
}

// TestDirectorThatStartsSlowly is not taken for a frozen one: it has the whole
// time from its start, and again from every word. It does not count as there.
func TestDirectorThatStartsSlowly(t *testing.T) {
	line, far, err := ipc.Pair()
	if err != nil {
		t.Fatal(err)
	}
	defer line.Close()
	defer far.Close()
	synctest.Test(t, func(t *testing.T) {
		s := &supervisor{turned: func() {}, alive: time.Now()}
		go s.watchLease(t.Context())
		time.Sleep(2 * directorHung) // none is there, none is hung
		s.attach(line, false)
		for range 3 {
			time.Sleep(directorHung - time.Second)
			if err := line.Send(ipc.ToDirector{}); err != nil {
				t.Fatalf("dropped: %v", err)
			}
			s.heard(ipc.ToEngine{Opening: true})
		}
		if !s.lost() {
			t.Error("one that only starts counts as there")
		}
		time.Sleep(directorHung + time.Second)
		if err := line.Send(ipc.ToDirector{}); err == nil {
			t.Error("a silent one is not dropped")
		}
	})
}

func TestTellManager(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	if err := tellManager(ready); err != nil {
		t.Errorf("without a service manager: %v", err)
	}
	path := filepath.Join(t.TempDir(), "notify")
	t.Setenv("NOTIFY_SOCKET", path)
	if err := tellManager(ready); err == nil {
		t.Error("no error although nobody listens")
	}
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := tellManager(ready); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 64)
	if n, err := c.Read(b); err != nil || string(b[:n]) != "READY=1" {
		t.Errorf("told %q, %v", b[:n], err)
	}
	for begin := time.Now(); ; { // until its queue is full
		if err := tellManager("X=1"); err != nil {
			if took := time.Since(begin); !errors.Is(err, os.ErrDeadlineExceeded) || took > 10*notifyPatience {
				t.Errorf("a full queue: %v after %v", err, took)
			}
			return
		}
	}
}
