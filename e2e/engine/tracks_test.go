package engine

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"failover/e2e/lab"
)

// TestTracks: an interface that nothing runs on, and a file, decide who is master.
func TestTracks(t *testing.T) {
	p := newPair(t, spec{router: `track_interfaces = ["trk0"]
track = [{ kind = "file", path = "/run/healthy", interval = "200ms", weight = -30 }]`})
	for _, n := range p.Directors() {
		p.ip(n, "link", "add", "trk0", "type", "veth", "peer", "name", "trk1")
		p.ip(n, "link", "set", "trk0", "up")
		p.ip(n, "link", "set", "trk1", "up")
		p.write(n, "/run/healthy", "1\n", 0o644)
	}
	p.settled()
	begin := time.Now()
	p.ip(p.LB1, "link", "set", "trk0", "down")
	p.holder(p.LB2)
	figure(t, "interface down until taken over", float64(time.Since(begin))/1e6, "ms")
	if r := p.router(p.LB1, "outside"); r.State != "fault" || !strings.Contains(r.Cause, "trk0 is down") {
		t.Errorf("lb1: %s, %s", r.State, r.Cause)
	}
	p.ip(p.LB1, "link", "set", "trk0", "up")
	p.holder(p.LB1)

	p.write(p.LB1, "/run/healthy", "0\n", 0o644)
	p.holder(p.LB2)
	r := p.router(p.LB1, "inside")
	if r.State != "backup" || r.EffectivePriority != 150-2*30 || len(r.Tracks) != 2 || r.Tracks[1].CheckDetail != "/run/healthy says 0" {
		t.Errorf("lb1: %s with %d, tracks %+v", r.State, r.EffectivePriority, r.Tracks)
	}
	p.write(p.LB1, "/run/healthy", "", 0o644)
	p.holder(p.LB1)
}

// TestPreemptFalseByHealth: the one that comes back leaves the mastership where it
// is, until the other one is less healthy.
func TestPreemptFalseByHealth(t *testing.T) {
	p := newPair(t, spec{router: `preempt = false
track = [{ kind = "file", path = "/run/healthy", interval = "200ms", weight = -10 }]`})
	for _, n := range p.Directors() {
		p.write(n, "/run/healthy", "", 0o644)
	}
	p.start(p.LB2)
	p.holder(p.LB2)
	p.start(p.LB1)
	p.write(p.LB1, "/run/healthy", "0", 0o644)
	p.write(p.LB2, "/run/healthy", "0", 0o644) // alike
	p.await(5*time.Second, "both to lack 20", func() bool {
		return p.router(p.LB1, "inside").EffectivePriority == 130 && p.router(p.LB2, "inside").EffectivePriority == 80
	})
	begin := p.router(p.LB2, "inside").AdvertsSent
	p.await(5*time.Second, "ten more adverts", func() bool { return p.router(p.LB2, "inside").AdvertsSent > begin+10 })
	if !p.holds(p.LB2, inside) {
		t.Error("taken over from one that was as healthy")
	}
	p.write(p.LB1, "/run/healthy", "", 0o644)
	p.holder(p.LB1)
	if r := p.router(p.LB1, "inside"); !strings.Contains(r.Cause, "it is less healthy") {
		t.Errorf("cause %q", r.Cause)
	}
}

const (
	hookScript = "#!/bin/sh\necho \"$(id -un) $1 $2 $3 $4\" >>/run/hooks/log\n"
	moveScript = "#!/bin/sh\n[ -e /run/allow ] || { echo 'not allowed yet'; exit 4; }\n"
)

// TestHooks: a step that fails for a while holds the report of a new master back,
// what is told comes in order, and a director that is killed tells nothing twice.
func TestHooks(t *testing.T) {
	p := newPair(t, spec{once: true, daemon: `script_user = "nobody"`, router: `notify = ["/etc/failover/hook"]
take_over = { argv = ["/etc/failover/move"], timeout = "5s", retries = 60 }`})
	p.write(p.LB1, "/etc/failover/hook", hookScript, 0o755)
	p.write(p.LB1, "/etc/failover/move", moveScript, 0o755)
	if err := p.LB1.Do(func() error {
		syscall.Umask(0)
		defer syscall.Umask(0o022)
		return os.Mkdir("/run/hooks", 0o777)
	}); err != nil {
		t.Fatal(err)
	}
	p.start(p.LB1)
	p.holder(p.LB1)
	p.await(20*time.Second, "a failed attempt", func() bool {
		r := p.router(p.LB1, "inside")
		return r.TakingOver && r.State == "backup" && r.TakeOver != nil && strings.HasSuffix(r.TakeOver.Detail, "exit status 4: not allowed yet")
	})
	p.write(p.LB1, "/run/allow", "", 0o644)
	p.await(20*time.Second, "the report", func() bool { return p.router(p.LB1, "inside").State == "master" })
	told := []string{
		"nobody outside init backup 150", "nobody inside init backup 150",
		"nobody outside backup master 150", "nobody inside backup master 150",
	}
	p.hooksTold(told...)
	before := p.director(p.LB1)
	kill(t, before, syscall.SIGKILL)
	p.await(20*time.Second, "another director", func() bool { return p.director(p.LB1) != before && p.director(p.LB1) != 0 })
	p.answers(p.LB1)
	p.await(20*time.Second, "the same state", func() bool { return p.router(p.LB1, "inside").State == "master" })
	if err := p.units[p.LB1].Stop(p.within(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	p.hooksTold(append(told, "nobody outside master init 150", "nobody inside master init 150")...)
}

// hooksTold waits until lb1's hooks have been told just this.
func (p *pair) hooksTold(want ...string) {
	p.t.Helper()
	var got string
	defer func() {
		if p.t.Failed() {
			p.t.Logf("told:\n%s", got)
		}
	}()
	p.await(10*time.Second, "hooks to be told", func() bool {
		text, err := p.LB1.ReadFile("/run/hooks/log")
		got = string(text)
		return err == nil && got == strings.Join(want, "\n")+"\n"
	})
}

// write writes a file on a node.
func (p *pair) write(n *lab.Node, path, text string, mode os.FileMode) {
	p.t.Helper()
	if err := n.WriteFile(path, []byte(text), mode); err != nil {
		p.t.Fatal(err)
	}
}
