package director

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"failover/check"
	"failover/internal/api"
	"failover/internal/ipc"
)

// checkOf is how a real server stands by status.
func (s *stand) checkOf(name string) api.RealServer {
	s.t.Helper()
	for _, rs := range s.status().Directors[0].VirtualServers[0].RealServers {
		if rs.Name == name {
			return rs
		}
	}
	s.t.Fatalf("no real server %s", name)
	return api.RealServer{}
}

// heirOf is the stand of the director that is to follow another one on its machine.
func heirOf(s *stand) *stand {
	n := newStand(s.t, "")
	n.file, n.kernel, n.store, n.host, n.memory = s.file, s.kernel, s.store, s.host, s.memory
	return n
}

// A director goes on with what the one before it knew of the checks, and touches
// nothing before that one has gone.
func TestAnotherDirectorGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, pairFile)
		s.start(ipc.Hello{})
		time.Sleep(20 * time.Second)
		s.setDown("192.168.33.92:80", true)
		for s.dir.pool.Standings()[check.ID{VirtualServer: "web", RealServer: "web1"}].Verdict.Streak < 2 { // of 3
			time.Sleep(100 * time.Millisecond)
		}
		before, table := s.checkOf("web1"), s.table()

		n := heirOf(s)
		n.setDown("192.168.33.92:80", true)
		n.start(ipc.Hello{Wait: true})
		sets := s.host.sets
		time.Sleep(100 * time.Millisecond)
		if n.line.waits != 1 || len(n.line.configures) > 0 || n.dir != nil || s.host.sets != sets {
			t.Fatalf("prepared %d, configured %d times", n.line.waits, len(n.line.configures))
		}
		s.line.toDirector <- ipc.ToDirector{Bequeath: true}
		synctest.Wait()
		left := s.line.bequest
		s.line.Close()
		<-s.done
		text, err := json.Marshal(left)
		if err == nil {
			err = json.Unmarshal(text, &left)
		}
		if err != nil {
			t.Fatal(err)
		}
		n.line.toDirector <- ipc.ToDirector{Begin: left}
		n.opened()
		if after := n.checkOf("web1"); after.Check != "up" || !after.Since.Equal(before.Since) || n.table() != table {
			t.Errorf("it was %+v and is %+v; the table is\n%s", before, after, n.table())
		}
		if now := n.checkOf("web2"); now.Check != "up" || now.CheckDetail != "connected" {
			t.Errorf("web2 is %+v", now)
		}
		time.Sleep(1100 * time.Millisecond) // one more failure
		if after := n.checkOf("web1"); after.Check != "down" {
			t.Errorf("after the third failure it is %+v", after)
		}
	})
}

// A director that yields by follow_health is followed by one that goes on to: else each
// restart would move the mastership, and move it back after the hold.
func TestAnotherDirectorYieldsOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := strings.ReplaceAll(keysFile, "group = \"nat\"\n", "group = \"nat\"\nfollow_health = true\n")
		s := newStand(t, file)
		s.start(ipc.Hello{})
		time.Sleep(2 * time.Second)
		s.twin()
		s.setDown("192.168.33.93:80", true)
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if !s.line.told().Lowest {
			t.Fatal("it does not yield")
		}
		s.line.toDirector <- ipc.ToDirector{Bequeath: true}
		synctest.Wait()
		left := s.line.bequest
		s.line.Close()
		<-s.done
		n := &Director{log: s.dir.log, faults: map[string]time.Time{}}
		n.inherit(*left, nil)
		n.takeHistory(nil)
		if b := n.world.Behind["nat"]; !b.Low || b.Director != "lb2" {
			t.Errorf("the next one begins with %+v", n.world.Behind)
		}
	})
}

// What a director of another version has left is as if it were not there.
func TestAnotherDirectorCannotReadTheMemory(t *testing.T) {
	for _, text := range []string{`{"Version":2,"Checks":"?"}`, `{"Version":9}`, `[]`, ``} {
		synctest.Test(t, func(t *testing.T) {
			n := newStand(t, pairFile)
			n.start(ipc.Hello{Wait: true})
			n.line.toDirector <- ipc.ToDirector{Begin: &ipc.Bequest{Memory: json.RawMessage(text), Sockets: []string{"control"}}}
			n.opened()
			time.Sleep(time.Second)
			if now := n.checkOf("web1"); now.Check != "up" {
				t.Errorf("%q: web1 is %+v", text, now)
			}
		})
	}
}

// A file that cannot be used keeps a director that waits from being ready.
func TestAnotherDirectorRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newStand(t, pairFile+"[ipsv]\n")
		n.start(ipc.Hello{Wait: true})
		<-n.done
		if n.line.waits != 0 || n.line.refuse == nil || n.line.refuse.ExitCode != 2 {
			t.Errorf("prepared %d, refused %+v", n.line.waits, n.line.refuse)
		}
	})
}

// A restart that came to nothing is an error of the command; one that was one is
// answered before the director leaves.
func TestRestartIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, pairFile)
		s.start(ipc.Hello{})
		time.Sleep(5 * time.Second)
		var answers []api.Restarted
		answer := func(r api.Restarted) { answers = append(answers, r) }
		ended := make(chan error, 1)
		go func() { ended <- s.dir.Restart(t.Context(), answer) }()
		synctest.Wait()
		s.line.toDirector <- ipc.ToDirector{Restarted: &ipc.Restarted{Refused: &ipc.Refuse{
			ExitCode: 2, Reason: "failover.toml: 1 error", Hint: "mend it", Details: []string{"line 3"},
		}}}
		var told *api.Error
		if err := <-ended; !errors.As(err, &told) || !told.Invalid || told.Hint != "mend it" || len(told.Details) != 1 ||
			!strings.Contains(told.Message, "no restart, the old process goes on: failover.toml: 1 error") {
			t.Errorf("refused: %+v", err)
		}
		go func() { ended <- s.dir.Restart(t.Context(), answer) }()
		synctest.Wait()
		if s.line.restarts != 2 || len(answers) > 0 {
			t.Errorf("%d restarts, answers %v", s.line.restarts, answers)
		}
		s.line.toDirector <- ipc.ToDirector{Restarted: &ipc.Restarted{PID: 7, Version: "v2"}}
		if err := <-ended; err != nil || len(answers) != 1 || answers[0] != (api.Restarted{PID: 7, Version: "v2", Before: "test"}) {
			t.Errorf("answers %+v, %v", answers, err)
		}
		<-s.done // it leaves by itself
	})
}

// A socket that was left waits long enough for a director that opens slowly, and not
// for ever.
func TestSocketsThatNobodyWants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newStand(t, pairFile)
		n.start(ipc.Hello{Wait: true})
		left, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		n.line.toDirector <- ipc.ToDirector{Begin: &ipc.Bequest{Sockets: []string{"http 192.0.2.1:80"}}, Files: []*os.File{left}}
		n.opened()
		time.Sleep(restPatience - time.Second)
		if _, err := left.Stat(); err != nil {
			t.Errorf("closed too soon: %v", err)
		}
		time.Sleep(2 * time.Second)
		if _, err := left.Stat(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("still open: %v", err)
		}
	})
}
