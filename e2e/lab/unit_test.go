package lab

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// sayReady is a shell line that says READY=1 to the service manager.
const sayReady = `python3 -c '
import os, socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.sendto(b"STATUS=up\nREADY=1\n", os.environ["NOTIFY_SOCKET"])
'`

// service is a unit of a shell script on lb1.
func service(t *testing.T, l *Lab, name, script string, change func(*UnitSpec)) *Unit {
	t.Helper()
	spec := UnitSpec{Name: name, ExecStart: []string{"sh", "-c", script}}
	if change != nil {
		change(&spec)
	}
	u, err := l.LB1.Supervise(spec)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func waitExits(t *testing.T, u *Unit, n int) {
	t.Helper()
	if err := Eventually(within(t, 10*time.Second), "the service ends", func() (bool, error) { return len(u.Exits()) >= n, nil }); err != nil {
		t.Fatal(err)
	}
}

func TestUnitReadyStopReload(t *testing.T) {
	l := newLab(t)
	if err := lookTools("python3"); err != nil {
		t.Skip(err)
	}
	hup := filepath.Join(l.Dir, "hup")
	u := service(t, l, "svc", `trap 'touch `+hup+`' HUP; trap 'exit 0' TERM; `+sayReady+`; while :; do sleep 0.01; done`, func(s *UnitSpec) {
		s.Notify, s.Restart, s.RuntimeDirectory = true, true, "svc"
		s.ExecStopPost = []string{"sh", "-c", `echo post $SERVICE_RESULT $EXIT_CODE $EXIT_STATUS >` + l.Dir + `/post`}
	})
	if err := u.Start(within(t, 20*time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := l.LB1.Run(t.Context(), "test", "-d", "/run/svc"); err != nil {
		t.Error(err)
	}
	if err := u.Reload(); err != nil {
		t.Fatal(err)
	}
	if err := Eventually(within(t, 5*time.Second), "SIGHUP arrives", func() (bool, error) {
		_, err := os.Stat(hup)
		return err == nil, nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := u.Stop(within(t, 10*time.Second)); err != nil {
		t.Fatal(err)
	}
	if n := len(u.Exits()); n != 1 {
		t.Errorf("%d ends, want 1: a stopped service stays stopped", n)
	}
	if text, err := os.ReadFile(l.Dir + "/post"); string(text) != "post success exited 0\n" {
		t.Errorf("ExecStopPost left %q, %v", text, err)
	}
}

func TestUnitRestartsAfterKill(t *testing.T) {
	l := newLab(t)
	u := service(t, l, "svc", `setsid sleep 1000 & exec sleep 1000`, func(s *UnitSpec) {
		s.Restart = true
		s.ExecStopPost = []string{"sh", "-c", `echo post $SERVICE_RESULT $EXIT_CODE $EXIT_STATUS >>` + l.Dir + `/post`}
	})
	if err := u.Start(within(t, 5*time.Second)); err != nil {
		t.Fatal(err)
	}
	two := func() (bool, error) { return len(u.PIDs()) == 2, nil }
	if err := Eventually(within(t, 5*time.Second), "two processes", two); err != nil {
		t.Fatal(err)
	}
	old := u.PIDs()
	if err := u.Kill9(true); err != nil {
		t.Fatal(err)
	}
	waitExits(t, u, 1)
	if err := Eventually(within(t, 5*time.Second), "two processes again", two); err != nil {
		t.Fatal(err)
	}
	for _, pid := range u.PIDs() {
		if slices.Contains(old, pid) {
			t.Errorf("process %d survived", pid)
		}
	}
	if err := u.Kill9(false); err != nil {
		t.Fatal(err)
	}
	if n := len(u.Exits()); n != 2 || len(u.PIDs()) != 0 {
		t.Errorf("%d ends, processes %v; want 2 and none", n, u.PIDs())
	}
	text, _ := os.ReadFile(l.Dir + "/post")
	if want := strings.Repeat("post signal killed 9\n", 2); string(text) != want {
		t.Errorf("ExecStopPost left %q, want %q", text, want)
	}
}

func TestUnitMainEndsChildrenGo(t *testing.T) {
	l := newLab(t)
	u := service(t, l, "svc", `setsid sleep 1000 & sleep 0.1; exit 3`, nil)
	if err := u.Start(within(t, 5*time.Second)); err != nil {
		t.Fatal(err)
	}
	waitExits(t, u, 1)
	if pids := u.PIDs(); len(pids) != 0 {
		t.Errorf("processes %v outlive the main one", pids)
	}
	if got := serviceResult(u.Exits()[0].State); got[0] != "SERVICE_RESULT=exit-code" || got[2] != "EXIT_STATUS=3" {
		t.Errorf("result %v", got)
	}
}

func TestUnitStopTimeout(t *testing.T) {
	l := newLab(t)
	u := service(t, l, "svc", `trap '' TERM; echo up; while :; do sleep 0.05; done`, func(s *UnitSpec) { s.StopTimeout = 300 * time.Millisecond })
	if err := u.Start(within(t, 5*time.Second)); err != nil {
		t.Fatal(err)
	}
	if err := Eventually(within(t, 5*time.Second), "it runs", func() (bool, error) { return strings.Contains(u.LogTail(5), "up"), nil }); err != nil {
		t.Fatal(err)
	}
	if err := u.Stop(within(t, 10*time.Second)); err == nil || !strings.Contains(err.Error(), "had to be killed") {
		t.Errorf("stop of a deaf service: %v", err)
	}
	if len(u.PIDs()) != 0 {
		t.Error("it still runs")
	}
	if ws := u.Exits()[0].State.Sys().(syscall.WaitStatus); ws.Signal() != syscall.SIGKILL {
		t.Errorf("ended by %v", ws.Signal())
	}
}

func TestUnitNeverReady(t *testing.T) {
	l := newLab(t)
	u := service(t, l, "svc", `echo the reason; exit 2`, func(s *UnitSpec) { s.Notify = true })
	err := u.Start(within(t, 10*time.Second))
	if err == nil || !strings.Contains(err.Error(), "the reason") {
		t.Errorf("start of a service that ends: %v", err)
	}
}

// TestTreeByMark kills a tree without the help of cgroups.
func TestTreeByMark(t *testing.T) {
	l := newLab(t)
	cgroup := l.cgroup
	l.cgroup = ""
	u := service(t, l, "svc", `setsid sleep 1000 & exec sleep 1000`, nil)
	l.cgroup = cgroup
	if err := u.Start(within(t, 5*time.Second)); err != nil {
		t.Fatal(err)
	}
	if err := Eventually(within(t, 5*time.Second), "two processes", func() (bool, error) { return len(u.PIDs()) == 2, nil }); err != nil {
		t.Fatal(err)
	}
	if err := u.Kill9(false); err != nil {
		t.Fatal(err)
	}
	if pids := u.PIDs(); len(pids) != 0 {
		t.Errorf("left: %v", pids)
	}
}
