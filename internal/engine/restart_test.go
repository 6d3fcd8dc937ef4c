package engine

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"failover/internal/ipc"
	"failover/vrrp"
	"failover/vrrp/linux"
	"failover/vrrp/vrrptest"
)

// succeedAs is the new engine's side of the tests, in a process of its own.
func succeedAs(mode string) {
	line, err := HeirLine()
	if err != nil {
		os.Exit(3)
	}
	switch mode {
	case "heir refuses":
		_ = line.Send(ipc.ToHolder{Refuse: &ipc.Refuse{ExitCode: 2, Reason: "no such key", Details: []string{"line 3"}}})
		return
	case "heir runs early":
		_ = line.Send(ipc.ToHolder{Running: true})
		select {}
	}
	_ = line.Send(ipc.ToHolder{Ready: &ipc.HeirReady{Version: "v2"}})
	for {
		m, err := line.Recv()
		if err != nil {
			return
		}
		if m.Legacy != nil && len(m.Files) != 1 {
			os.Exit(4)
		}
		switch {
		case m.State == nil:
		case mode == "heir dies":
			os.Exit(9)
		case mode == "heir hangs":
			select {}
		case mode == "heir cannot read it":
			_ = line.Send(ipc.ToHolder{Refuse: &ipc.Refuse{ExitCode: 1, Reason: "the state has version 1"}})
		default:
			_ = line.Send(ipc.ToHolder{Running: true})
		}
	}
}

// holding is an engine process that runs, master of a group on a segment of its own.
func holding(t *testing.T, mode string) (*process, chan error) {
	t.Helper()
	lock, err := os.Create(filepath.Join(t.TempDir(), "lock"))
	if err != nil {
		t.Fatal(err)
	}
	p := &process{
		log: slog.New(slog.DiscardHandler), runtime: &Runtime{lock: lock}, director: &supervisor{log: slog.New(slog.DiscardHandler)},
		bequest: make(chan ipc.ToEngine, 1), restarts: make(chan struct{}, 1), orders: make(chan os.Signal),
	}
	p.o.Self = func() *exec.Cmd {
		cmd := exec.Command(os.Args[0])
		t.Setenv(directorEnv, mode) // of what is started from now on
		return cmd
	}
	p.engine = vrrp.NewEngine(vrrp.EngineConfig{Conn: vrrptest.NewConn("a"), Host: vrrptest.NewHost("eth1")})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.engine.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		lock.Close()
		if p.successor != nil {
			p.successor.kill()
		}
	})
	return p, ended
}

// TestSuccessors: whatever a new process does at whichever moment, there is one that
// goes on.
func TestSuccessors(t *testing.T) {
	for mode, says := range map[string]string{
		"heir refuses":        "no such key",
		"heir runs early":     "says something else than that it is ready",
		"heir dies":           "the new process ended when it was to go on",
		"heir hangs":          "the new process has not gone on within",
		"heir cannot read it": "the state has version 1",
	} {
		t.Run(mode, func(t *testing.T) {
			p, ended := holding(t, mode)
			answered(t, p)
			begin := time.Now()
			err := p.replace(t.Context())
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%v", err)
			}
			if took := time.Since(begin); took > restartPatience+killPatience {
				t.Errorf("it took %v", took)
			}
			select {
			case err := <-ended:
				t.Errorf("the old engine has ended: %v", err)
			default:
			}
			if _, err := p.engine.Status(t.Context()); err != nil {
				t.Errorf("the old engine does not go on: %v", err)
			}
		})
	}
	t.Run("heir goes on", func(t *testing.T) {
		p, ended := holding(t, "heir goes on")
		answered(t, p)
		if err := p.replace(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; !errors.Is(err, vrrp.ErrHandedOver) {
			t.Errorf("ended with %v", err)
		}
		if p.restarted.Version != "v2" || p.restarted.PID != p.successor.cmd.Process.Pid {
			t.Errorf("%+v", p.restarted)
		}
	})
	t.Run("a director that does not answer", func(t *testing.T) {
		p, _ := holding(t, "heir goes on")
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		if err := p.replace(ctx); err == nil || !strings.Contains(err.Error(), "the director process of this one does not answer") && !strings.Contains(err.Error(), "not ready") {
			t.Errorf("%v", err)
		}
	})
}

// answered gives a process a director that leaves nothing.
func answered(t *testing.T, p *process) {
	t.Helper()
	line, far, err := ipc.Pair()
	if err != nil {
		t.Fatal(err)
	}
	fd, err := syscall.Dup(int(far.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	far.Close()
	director, err := ipc.OpenDirector(uintptr(fd))
	if err != nil {
		t.Fatal(err)
	}
	p.director.attach(line, false)
	t.Cleanup(func() { line.Close() })
	go func() {
		defer director.Close()
		for {
			m, err := director.Recv()
			if err != nil {
				return
			}
			if m.Bequeath {
				p.receive(ipc.ToEngine{Bequest: &ipc.Bequest{}})
			}
		}
	}()
}

// TestTakeInTime: how long an engine stands still hangs on when somebody has to speak.
func TestTakeInTime(t *testing.T) {
	var s vrrp.EngineState
	if s.SpeakBy() != vrrp.Never {
		t.Errorf("master of nothing, and it has to speak by %v", s.SpeakBy())
	}
	now := linux.Now()
	for _, interval := range []time.Duration{10 * time.Millisecond, time.Second} {
		g := vrrp.NewGroup(vrrp.GroupConfig{Name: interval.String(), Routers: []vrrp.RouterConfig{{Interval: interval}}})
		g.State, g.Routers[0].SentAt = vrrp.Master, now
		s.Groups = append(s.Groups, vrrp.GroupState{Group: g})
	}
	if by := s.SpeakBy(); by != now.Add(20*time.Millisecond) {
		t.Errorf("has to speak by %v, last spoke at %v", by, now)
	}
	s.Groups[0].Group.State = vrrp.Backup
	if by := s.SpeakBy(); by != now.Add(2*time.Second) {
		t.Errorf("has to speak by %v, last spoke at %v", by, now)
	}
}
