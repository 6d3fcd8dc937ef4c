package engine

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"failover/internal/ipc"
)

// directorEnv makes this test binary a director that behaves as its value says.
const directorEnv = "FAILOVER_TEST_DIRECTOR"

func TestMain(m *testing.M) {
	if mode := os.Getenv(directorEnv); mode != "" {
		if IsHeir() {
			succeedAs(mode)
		} else {
			behave(mode)
		}
		return
	}
	os.Exit(m.Run())
}

// behave is the director's side of the tests, in a process of its own.
func behave(mode string) {
	fd, err := syscall.Dup(3)
	raw := os.NewFile(uintptr(fd), "line, unframed")
	line, openErr := ipc.OpenDirector(3)
	if err != nil || openErr != nil {
		os.Exit(3)
	}
	if _, err := line.Recv(); err != nil { // the greeting
		os.Exit(4)
	}
	switch mode {
	case "garbage":
		_, _ = raw.Write(append(binary.BigEndian.AppendUint32(nil, 4), "{]\x00\xff"...))
	case "oversized":
		_, _ = raw.Write([]byte{0xff, 0xff, 0xff, 0xff})
	case "half":
		_, _ = raw.Write([]byte{0, 0, 1, 0, '{'})
	case "flood":
		for range 20000 {
			if line.Send(ipc.ToEngine{Alive: true}) != nil {
				return
			}
		}
	case "refuse":
		_ = line.Send(ipc.ToEngine{Refuse: &ipc.Refuse{ExitCode: 2, Reason: "no such thing", Hint: "buy one"}})
	case "ready, refuse":
		_ = line.Send(ipc.ToEngine{Ready: true})
		_ = line.Send(ipc.ToEngine{Refuse: &ipc.Refuse{ExitCode: 2, Reason: "no such thing"}})
	case "stays":
		signal.Ignore(syscall.SIGTERM)
		_ = line.Send(ipc.ToEngine{Alive: true})
		select {}
	case "leaves":
		for {
			m, err := line.Recv()
			if err != nil {
				os.Exit(5)
			}
			if m.Leave {
				_ = line.Send(ipc.ToEngine{Ready: true}) // it still says what it has to say
				return
			}
		}
	case "well":
		_ = line.Send(ipc.ToEngine{Ready: true})
		for {
			if _, err := line.Recv(); err != nil {
				return
			}
		}
	}
}

// bench is a supervisor with a director of the test.
type bench struct {
	*supervisor
	mu       sync.Mutex
	received []ipc.ToEngine
	log      bytes.Buffer
}

// Write takes what the supervisor logs.
func (b *bench) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.log.Write(p)
}

func (b *bench) said() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.log.String()
}

func newBench(mode string, resume bool) *bench {
	b := &bench{}
	b.supervisor = &supervisor{
		log: slog.New(slog.NewTextHandler(b, nil)),
		command: func() *exec.Cmd {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), directorEnv+"="+mode)
			return cmd
		},
		hello: func(r bool) ipc.Hello { return ipc.Hello{Resume: r || resume} },
		receive: func(m ipc.ToEngine) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.received = append(b.received, m)
		},
		turned: func() {},
	}
	return b
}

// until runs the supervisor until something is so.
func (b *bench) until(t *testing.T, so func() bool) error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.run(ctx) }()
	limit := time.After(10 * time.Second)
	for !so() {
		select {
		case err := <-done:
			cancel()
			return err
		case <-limit:
			cancel()
			t.Fatalf("not within ten seconds; the log is\n%s", b.said())
		case <-time.After(5 * time.Millisecond):
		}
	}
	cancel()
	return <-done
}

// TestBadDirectors: whatever a director sends, it is started again, and the log
// says why.
func TestBadDirectors(t *testing.T) {
	for mode, says := range map[string]string{
		"garbage":   "ipc: decode",
		"oversized": "ipc: message of 4294967295 bytes",
		"half":      "unexpected EOF",
		"flood":     "it left",
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			b := newBench(mode, false)
			if err := b.until(t, func() bool { return b.count() >= 3 }); err != nil {
				t.Errorf("ended with %v", err)
			}
			if !strings.Contains(b.said(), says) {
				t.Errorf("the log does not say %q:\n%s", says, b.said())
			}
		})
	}
}

// TestRefusal ends a first start, and nothing but that.
func TestRefusal(t *testing.T) {
	t.Parallel()
	b := newBench("refuse", false)
	var no *RefusedError
	err := b.until(t, func() bool { return b.count() >= 2 })
	if !errors.As(err, &no) || no.ExitCode != 2 || no.Hint != "buy one" || err.Error() != "no such thing" {
		t.Errorf("a first start ended with %v", err)
	}
	for name, b := range map[string]*bench{
		"after a crash": newBench("refuse", true), "after having been ready": newBench("ready, refuse", false),
	} {
		if err := b.until(t, func() bool { return b.count() >= 3 }); err != nil {
			t.Errorf("%s: ended with %v", name, err)
		}
		if !strings.Contains(b.said(), "no such thing") {
			t.Errorf("%s: the log does not say why:\n%s", name, b.said())
		}
	}
}

// TestDirectorThatStays is killed when the engine ends.
func TestDirectorThatStays(t *testing.T) {
	t.Parallel()
	b := newBench("stays", false)
	begin := time.Time{}
	err := b.until(t, func() bool {
		b.supervisor.mu.Lock()
		defer b.supervisor.mu.Unlock()
		up := b.line != nil && b.starts == 1 && time.Since(b.alive) < time.Second
		if up {
			begin = time.Now()
		}
		return up
	})
	if took := time.Since(begin); err != nil || took < endGrace/2 || took > endGrace+time.Second {
		t.Errorf("ended after %v with %v; the grace is %v", took, err, endGrace)
	}
}

// TestDirectorThatDoesNotRead is dropped rather than waited for.
func TestDirectorThatDoesNotRead(t *testing.T) {
	t.Parallel()
	b := newBench("stays", false)
	big := ipc.ToDirector{Hello: &ipc.Hello{StateDir: strings.Repeat("x", 1<<20)}}
	err := b.until(t, func() bool {
		begin := time.Now()
		b.send(big)
		if took := time.Since(begin); took > 4*time.Second {
			t.Errorf("a send took %v", took)
		}
		return b.count() >= 2
	})
	if err != nil {
		t.Error(err)
	}
}

// TestLostAndBack: a director that was silent is back when it says anything, if
// it is one that has said how fit the groups are.
func TestLostAndBack(t *testing.T) {
	turned := 0
	s := &supervisor{turned: func() { turned++ }}
	lose := func() { s.isLost = true }
	steps := []struct {
		name   string
		do     func()
		lost   bool
		turned int
	}{
		{"a new one that lives", func() { s.attach(nil, false); s.heard(ipc.ToEngine{Alive: true}) }, true, 0},
		{"and knows", func() { s.heard(ipc.ToEngine{Health: nothing}) }, false, 0},
		{"lost", lose, true, 0},
		{"and lives", func() { s.heard(ipc.ToEngine{Alive: true}) }, false, 1},
		{"lost again", lose, true, 1},
		{"and knows again", func() { s.heard(ipc.ToEngine{Health: nothing}) }, false, 1},
		{"lost for good", lose, true, 1},
		{"and another one lives", func() { s.attach(nil, false); s.heard(ipc.ToEngine{Alive: true}) }, true, 1},
	}
	lose()
	for _, c := range steps {
		c.do()
		if s.lost() != c.lost || turned != c.turned {
			t.Errorf("%s: lost %t, turned %d times, want %t, %d", c.name, s.lost(), turned, c.lost, c.turned)
		}
	}
}
