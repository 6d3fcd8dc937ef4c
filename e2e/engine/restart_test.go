package engine

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"failover/e2e/lab"
)

// TestRestart: the master and the backup restart in place, again and again. Nobody on
// the network, and nobody who asks, sees anything of it.
func TestRestart(t *testing.T) {
	for _, interval := range []time.Duration{100 * time.Millisecond, 10 * time.Millisecond} {
		t.Run(interval.String(), func(t *testing.T) {
			p := newPair(t, spec{interval: interval, alone: true})
			taps := [2]*tap{p.tap(p.LB2, wires[0]), p.tap(p.LB2, wires[1])}
			p.settled()
			master, backup := p.router(p.LB1, "outside"), p.router(p.LB2, "outside")
			book, probe, asked := p.ledger(p.LB1), p.ping(p.Client, outside), p.pester(p.LB1)
			p.await(10*time.Second, "the announcements of the take-over are over", func() bool { return time.Since(master.Since) > 6*time.Second })
			begin := time.Now()
			p.restart(p.LB1)
			files := open(t, p.units[p.LB1].MainPID())
			for range 4 {
				p.restart(p.LB1)
			}
			p.restart(p.LB2)
			p.await(10*time.Second, "adverts for longer than a lease", func() bool { return time.Since(begin) > lease+time.Second })
			for i := range wires {
				gap := longest(taps[i].adverts(speaks["lb1"][i], begin.Add(-time.Second)))
				figure(t, wires[i]+" longest time without an advert", gap.Seconds(), "s")
				if gap >= 2*interval && interval >= 100*time.Millisecond || gap >= p.spec.downAfter() {
					t.Errorf("%s: adverts %v apart", wires[i], gap)
				}
				if others := taps[i].adverts(speaks["lb2"][i], begin); len(others) > 0 {
					t.Errorf("lb2 spoke: %v", others)
				}
				if said := taps[i].frames(func(f frame) bool { return f.op != 0 && f.src == f.target && !f.at.Before(begin) }); len(said) > 0 {
					t.Errorf("announced: %v", said)
				}
			}
			for _, a := range p.addresses() {
				if gone := book.lost(a, begin); len(gone) > 0 {
					t.Errorf("%s went at %v", a, gone[0].Sub(begin))
				}
			}
			if o := probe.end(); o.lost > 0 {
				t.Errorf("%v", o)
			}
			asked()
			if now := p.router(p.LB1, "outside"); !sameTime(now.Since, master.Since) || now.Transitions != master.Transitions || now.AdvertsSent <= master.AdvertsSent {
				t.Errorf("lb1 was\n%+v\nand is\n%+v", master, now)
			}
			if now := p.router(p.LB2, "outside"); !sameTime(now.Since, backup.Since) || now.Transitions != backup.Transitions {
				t.Errorf("lb2 was\n%+v\nand is\n%+v", backup, now)
			}
			if n := len(p.units[p.LB1].PIDs()); n != 2 {
				t.Errorf("lb1 has %d processes", n)
			}
			if now := open(t, p.units[p.LB1].MainPID()); now > files+1 {
				t.Errorf("%d open files after five restarts, %d after the first", now, files)
			}
		})
	}
}

// sameTime tells whether two readings are of the same moment: it is told by another
// clock than it was noted by.
func sameTime(a, b time.Time) bool { return a.Sub(b).Abs() < time.Second }

// restart restarts a director in place.
func (p *pair) restart(n *lab.Node) {
	p.t.Helper()
	before := p.units[n].MainPID()
	begin := time.Now()
	out, err := n.Run(p.within(20*time.Second), p.program(), "restart")
	if err != nil {
		p.t.Fatal(err)
	}
	now := p.units[n].MainPID()
	if now == before || !strings.HasPrefix(out, fmt.Sprintf("restarted: main process %d, version ", now)) {
		p.t.Errorf("main process %d → %d, and it says %q", before, now, out)
	}
	if n := len(p.units[n].Exits()); n > 0 {
		p.t.Errorf("the service has ended %d times", n)
	}
	p.t.Logf("%s restarted in %v", n.Name, time.Since(begin).Round(time.Millisecond))
}

// pester asks a director for its metrics, over and over; the function it returns ends
// that, and complains about each time that nobody answered.
func (p *pair) pester(n *lab.Node) (end func()) {
	stop, ended := make(chan struct{}), make(chan struct{})
	var once sync.Once
	var failed []string
	count := 0
	go func() {
		defer close(ended)
		for {
			select {
			case <-stop:
				return
			default:
			}
			count++
			if code, _, err := p.get(n, served, "/metrics"); err != nil || code != http.StatusOK {
				failed = append(failed, fmt.Sprint(code, " ", err))
			}
		}
	}()
	end = func() {
		once.Do(func() { close(stop) })
		<-ended
		if len(failed) > 0 || count < 5 {
			p.t.Errorf("of %d questions %d were not answered: %v", count, len(failed), failed)
		}
	}
	p.t.Cleanup(func() { once.Do(func() { close(stop) }); <-ended })
	return end
}

// TestRestartFails: whatever is wrong with the new program or the file, the old one
// stays as it is, and the command says why.
func TestRestartFails(t *testing.T) {
	p := newPair(t, spec{program: copyOf(t, program)})
	wire := p.tap(p.LB2, "eth2")
	p.settled()
	was := p.router(p.LB1, "outside")
	engine, director := p.units[p.LB1].MainPID(), p.director(p.LB1)
	script := func(text string) func() {
		return func() { replace(t, p.program(), "#!/bin/sh\n"+text+"\n") }
	}
	good, err := p.LB1.ReadFile(configFile)
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	for _, c := range []struct {
		name  string
		spoil func()
		code  string
		says  string
	}{
		{"it ends", script("exit 7"), "exit status 1", "the new process ended: exit status 7"},
		{"it hangs", script("exec sleep 60"), "exit status 1", "the new process is not ready after 5s"},
		{"it says nothing and lives", script("exec 3>&-; exec sleep 60"), "exit status 1", "the new process has closed its line"},
		{"it says nonsense", script(`printf '\0\0\0\002{]' >&3; exec sleep 60`), "exit status 1", "the new process"},
		{"no program", func() { replace(t, p.program(), "\x7fELF") }, "exit status 1", "exec format error"},
		{"it is not there", func() { os.Remove(p.program()) }, "exit status 1", "no such file or directory"},
		{"a broken file", func() {
			replace(t, p.program(), read(t, program))
			if err := p.LB1.WriteFile(configFile, append(good, "[ipsv]\n"...), 0o644); err != nil {
				t.Fatal(err)
			}
		}, "exit status 2", "ipsv: unknown key"},
		{"a file without this director", func() {
			text := strings.ReplaceAll(string(good), "lb1", "lb9")
			if err := p.LB1.WriteFile(configFile, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}, "exit status 2", "lb9"},
	} {
		c.spoil()
		out, err := p.LB1.Run(p.within(20*time.Second), program, "restart")
		if err == nil || !strings.Contains(err.Error(), c.code) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "the old process goes on") {
			t.Errorf("%s: %q, %v", c.name, out, err)
		}
		if got := p.units[p.LB1].PIDs(); len(got) != 2 || p.units[p.LB1].MainPID() != engine || p.director(p.LB1) != director {
			t.Errorf("%s: processes %v, before %d and %d", c.name, got, engine, director)
		}
	}
	// An upgrade that was not followed by a restart: what has to be started again is the
	// program that runs.
	replace(t, p.program(), "#!/bin/sh\nexit 7\n")
	kill(t, director, syscall.SIGKILL)
	p.await(20*time.Second, "lb1 has a director again", func() bool {
		next := p.director(p.LB1)
		return next != 0 && next != director
	})
	p.answers(p.LB1)
	if comm := strings.TrimSpace(read(t, fmt.Sprintf("/proc/%d/comm", p.director(p.LB1)))); comm != filepath.Base(p.program()) {
		t.Errorf("the director process is called %q", comm)
	}
	replace(t, p.program(), read(t, program))
	if gap := longest(wire.adverts(speaks["lb1"][0], begin)); gap >= 2*p.spec.every() {
		t.Errorf("adverts %v apart", gap)
	}
	if now := p.router(p.LB1, "outside"); !sameTime(now.Since, was.Since) || now.Transitions != was.Transitions {
		t.Errorf("it was\n%+v\nand is\n%+v", was, now)
	}
	// Mended, it goes.
	if err := p.LB1.WriteFile(configFile, good, 0o644); err != nil {
		t.Fatal(err)
	}
	p.restart(p.LB1)
	// The new main process obeys as the old one did, and is followed by a new one when
	// it is killed.
	p.reload(p.LB1, "")
	kill(t, p.director(p.LB1), syscall.SIGKILL)
	p.answers(p.LB1)
	if err := p.units[p.LB1].KillMain(true); err != nil {
		t.Fatal(err)
	}
	p.await(20*time.Second, "lb1 is master again", func() bool {
		st, err := p.ask(p.LB1)
		return err == nil && len(st.Directors) > 0 && len(st.Directors[0].VirtualRouters) > 0 && st.Directors[0].VirtualRouters[0].State == "master"
	})
	if err := p.units[p.LB1].Stop(p.within(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	p.holder(p.LB2)
}

// program is the path of the program that this pair runs.
func (p *pair) program() string {
	if p.spec.program != "" {
		return p.spec.program
	}
	return program
}

// copyOf is a copy of a program, which a test may replace.
func copyOf(t *testing.T, path string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "failover")
	replace(t, to, read(t, path))
	return to
}

func read(t *testing.T, path string) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// replace puts a program in the place of another one as a package does.
func replace(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}
