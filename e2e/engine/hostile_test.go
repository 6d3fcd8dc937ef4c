package engine

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"failover/e2e/lab"
)

const runtimeDir = "/run/failover/"

// TestDamagedState: whatever a crash or a full disk made of the files of the
// engine before, the next one starts, says so, and becomes master by an election;
// nothing of the addresses before is left over.
func TestDamagedState(t *testing.T) {
	for file, says := range map[string]string{
		"engine.json":    "engine.json",
		"roles":          "the roles of the process before are not known",
		"addresses.json": "owned addresses unknown",
	} {
		for kind, content := range map[string]string{
			"empty": "", "garbage": "\x00\xff{]\n", "another version": `{"version":99,"boot_id":"x","data":{"Groups":7}}`,
		} {
			t.Run(file+" "+kind, func(t *testing.T) {
				p := newPair(t, spec{only: "outside", once: true})
				p.start(p.LB1)
				p.holder(p.LB1)
				p.must(p.units[p.LB1].Kill9(false))
				p.must(p.LB1.WriteFile(runtimeDir+file, []byte(content), 0o600))
				p.start(p.LB1)
				p.await(5*time.Second, "lb1 is master and holds", func() bool {
					return p.router(p.LB1, "outside").State == "master" && p.holds(p.LB1, outside) && p.status(p.LB1).Healthy
				})
				// An empty page is a new one, which is no damage.
				if empty := file == "roles" && kind == "empty"; !empty && !p.said(p.LB1, says) {
					t.Errorf("the log does not say %q", says)
				}
				p.must(p.units[p.LB1].Stop(p.within(10 * time.Second)))
				if p.holds(p.LB1, outside) {
					t.Error("the address is left")
				}
			})
		}
	}
}

// TestFullRuntimeDirectory: with no byte of room the service starts, elects,
// holds and stops all the same.
func TestFullRuntimeDirectory(t *testing.T) {
	p := newPair(t, spec{only: "outside", once: true})
	p.must(p.LB1.WriteFile(runtimeDir+".keep", nil, 0o600))
	if _, err := p.LB1.Run(p.within(5*time.Second), "mount", "-t", "tmpfs", "-o", "size=64k", "none", runtimeDir); err != nil {
		t.Fatal(err)
	}
	// dd ends with an error when the file system is full, as it shall be.
	_, _ = p.LB1.Run(p.within(5*time.Second), "dd", "if=/dev/zero", "of="+runtimeDir+"ballast", "bs=4k")
	p.start(p.LB1)
	p.holder(p.LB1)
	if !p.said(p.LB1, "a restart will not be able to adopt") {
		t.Error("the log does not say what that means")
	}
	p.must(p.units[p.LB1].Stop(p.within(10 * time.Second)))
	if p.holds(p.LB1, outside) {
		t.Error("the address is left")
	}
}

// TestReadOnlyRuntimeDirectory: without a lock there is no telling whether
// another engine runs, so that is an error that names the directory.
func TestReadOnlyRuntimeDirectory(t *testing.T) {
	p := newPair(t, spec{only: "outside", once: true})
	p.must(p.LB1.WriteFile(runtimeDir+".keep", nil, 0o600))
	if _, err := p.LB1.Run(p.within(5*time.Second), "mount", "-t", "tmpfs", "-o", "ro", "none", runtimeDir); err != nil {
		t.Fatal(err)
	}
	_, err := p.LB1.Run(p.within(10*time.Second), program, "run", "--node", "lb1")
	if err == nil || !strings.Contains(err.Error(), "runtime directory") || !strings.Contains(err.Error(), "read-only file system") {
		t.Errorf("got %v", err)
	}
}

// TestStateDirectory: one that is missing is made; one that goes while the
// service runs ends neither the service nor the next director.
func TestStateDirectory(t *testing.T) {
	p := newPair(t, spec{only: "outside", daemon: `state_dir = "/var/lib/deep/er"`})
	p.start(p.LB1)
	p.holder(p.LB1)
	if _, err := p.LB1.Run(p.within(5*time.Second), "rm", "-r", "/var/lib/deep"); err != nil {
		t.Fatal(err)
	}
	old := p.director(p.LB1)
	kill(t, old, 9)
	p.await(5*time.Second, "another director answers", func() bool {
		if now := p.director(p.LB1); now == 0 || now == old {
			return false
		}
		_, err := p.LB1.Run(p.within(5*time.Second), program, "status")
		return err == nil
	})
}

// TestNobodyReadsTheLog: a log that blocks, or whose reader has gone, changes
// nothing.
func TestNobodyReadsTheLog(t *testing.T) {
	for _, c := range []struct{ name, reader string }{
		{"blocked", "exec sleep 1000"},
		{"gone", "exec true"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPair(t, spec{only: "outside", once: true})
			// The pipe is full before the engine writes its first line.
			run, err := p.LB1.Start("unread", "bash", "-c",
				`exec 3> >(`+c.reader+`); dd if=/dev/zero of=/dev/stdout bs=64k count=1 oflag=nonblock >&3 2>/dev/null; exec `+
					program+` run --node lb1 2>&3 3>&-`)
			if err != nil {
				t.Fatal(err)
			}
			p.holder(p.LB1)
			// A change of role and a renewal later:
			p.must(p.Cut(p.LB1, "outside"))
			p.await(5*time.Second, "nothing is held", func() bool { return !p.holds(p.LB1, outside) })
			p.must(p.Restore(p.LB1, "outside"))
			p.holder(p.LB1)
			begin := time.Now()
			p.must(run.Signal(15))
			p.await(5*time.Second, "the engine has ended", func() bool {
				select {
				case <-run.Done():
					return true
				default:
					return false
				}
			})
			t.Logf("ended %v after SIGTERM: %v", time.Since(begin), run.Err())
			if p.holds(p.LB1, outside) {
				t.Error("the address is left")
			}
		})
	}
}

// TestServiceManagerDoesNotListen: a full notification socket holds up neither a
// change of role nor a stop.
func TestServiceManagerDoesNotListen(t *testing.T) {
	p := newPair(t, spec{only: "outside", once: true})
	path := filepath.Join(p.Dir, "deaf.notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fill(t, path)
	run, err := p.LB1.Start("deaf", "env", "NOTIFY_SOCKET="+path, program, "run", "--node", "lb1")
	if err != nil {
		t.Fatal(err)
	}
	p.holder(p.LB1)
	begin := time.Now()
	p.must(run.Signal(15))
	select {
	case <-run.Done():
	case <-time.After(10 * time.Second):
		t.Fatal("it does not end")
	}
	if took := time.Since(begin); took > p.spec.handOver()+2*time.Second || run.Err() != nil {
		t.Errorf("ended after %v: %v", took, run.Err())
	}
	if p.holds(p.LB1, outside) {
		t.Error("the address is left")
	}
}

// fill writes to a datagram socket until it takes no more.
func fill(t *testing.T, path string) {
	t.Helper()
	w, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for {
		if err := w.SetWriteDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte("X=1")); os.IsTimeout(err) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// TestSignalsAtStart: SIGTERM and SIGHUP at any moment of a start end in an order
// or in a clean death, never in an address that stays.
func TestSignalsAtStart(t *testing.T) {
	p := newPair(t, spec{only: "outside", once: true})
	for delay := 5 * time.Millisecond; delay < 200*time.Millisecond; delay += 15 * time.Millisecond {
		run, err := p.LB1.Start("start"+delay.String(), program, "run", "--node", "lb1")
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(delay)
		p.must(run.Signal(15))
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		if err := lab.Eventually(ctx, "the end", func() (bool, error) {
			select {
			case <-run.Done():
				return true, nil
			default:
				return false, nil
			}
		}); err != nil {
			_ = run.Signal(3)
			t.Errorf("SIGTERM after %v: %v", delay, err)
		}
		cancel()
		if p.holds(p.LB1, outside) {
			t.Errorf("SIGTERM after %v: the address is left", delay)
		}
	}
}
