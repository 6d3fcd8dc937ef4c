package deb

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"failover/internal/testenv"
)

// install, remove and purge are without the triggers of other packages (man-db's
// takes longer than all the rest).
const (
	install = "dpkg --no-triggers -i /tmp/failover.deb\n"
	remove  = "dpkg --no-triggers -r failover\n"
	purge   = "dpkg --no-triggers --purge failover\n"
)

// setUp makes the machine of the folder $1, with the package $2 as /tmp/failover.deb,
// and lives until its input ends. Proc has to be mounted in the new namespaces: the
// sysctls of a network are those of who looks.
const setUp = `
mount --make-rprivate /
mount -t tmpfs -o mode=755 layer "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" overlay "$1/root"
mount -t proc proc "$1/root/proc"
mount -t sysfs sysfs "$1/root/sys"
mount --rbind /dev "$1/root/dev"
mount -t tmpfs -o mode=755 run "$1/root/run"
mount -t tmpfs -o mode=1777 tmp "$1/root/tmp"
cp "$2" "$1/root/tmp/failover.deb"
rm -rf "$1/root/usr/sbin/policy-rc.d" "$1/root/etc/failover" "$1/root/var/lib/failover"
hostname machine
ip link set lo up
exec chroot "$1/root" sh -c 'echo ready; exec cat'
`

// machine is a Debian machine to install packages on.
type machine struct {
	t     *testing.T
	pid   string
	layer string // what has been written, as seen by changed
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	testenv.NeedRoot(t)
	file := os.Getenv("FAILOVER_DEB")
	if file == "" {
		testenv.Need(t, "deb", errors.New("FAILOVER_DEB names no package; scripts/package makes one"))
	}
	if _, err := exec.LookPath("dpkg"); err != nil {
		testenv.Need(t, "deb", err)
	}
	dir := t.TempDir()
	cmd := exec.Command("sh", "-eu", "-c", setUp, "sh", dir, file)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS}
	var errs strings.Builder
	cmd.Stderr = &errs
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		testenv.Need(t, "deb", fmt.Errorf("a machine of its own: %w", err))
	}
	t.Cleanup(func() {
		if err := errors.Join(in.Close(), cmd.Wait()); err != nil {
			t.Logf("the machine's end: %v", err)
		}
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		if err != nil && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		testenv.Need(t, "deb", fmt.Errorf("a machine of its own: %s", strings.TrimSpace(errs.String())))
	}
	return &machine{t, strconv.Itoa(cmd.Process.Pid), filepath.Join(dir, "upper")}
}

// sh runs a script on the machine, which has to succeed, and returns what it prints.
func (m *machine) sh(script string) string {
	m.t.Helper()
	return m.enter("--mount", "--net", "--pid", "--uts", "--root", "--wd", "--", "sh", "-eu", "-c", script)
}

// enter runs a program in the machine's namespaces.
func (m *machine) enter(args ...string) string {
	m.t.Helper()
	cmd := exec.Command("nsenter", append([]string{"--target", m.pid}, args...)...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		m.t.Fatalf("%s: %v\n%s", args[len(args)-1], err, out)
	}
	return string(out)
}

// changed lists the files, links and devices (what is removed shows as one) that have
// been written since the machine was made, but for what dpkg keeps for itself, and the
// accounts, whose files are written anew.
func (m *machine) changed() string {
	m.t.Helper()
	return m.enter("--mount", "--", "sh", "-eu", "-c", `cd `+m.layer+` && find . ! -type d \
		! -path './var/lib/dpkg/*' ! -path './var/log/*' ! -path './etc/*-' ! -name .pwd.lock \
		! -path ./etc/passwd ! -path ./etc/group ! -path './etc/*shadow' ! -path './etc/sub?id' | sort`)
}

// services makes the machine one that systemd seems to run: systemctl writes down
// what it is told, and finds the units of the list active.
func (m *machine) services(active ...string) {
	m.t.Helper()
	m.sh(`mkdir -p /run/systemd/system
rm /usr/bin/systemctl
cat >/usr/bin/systemctl <<'END'
#!/bin/sh
echo "$*" >>/run/systemctl.log
case "$*" in
*is-active*) for unit in ` + strings.Join(active, " ") + `; do case "$*" in *"$unit"*) exit 0 ;; esac; done; exit 3 ;;
*show*) echo LoadState=loaded; echo ActiveState=active ;;
esac
END
chmod 755 /usr/bin/systemctl
: >/run/systemctl.log`)
}

// told is what systemctl was told since it was last asked for.
func (m *machine) told() string {
	m.t.Helper()
	return m.sh(`cat /run/systemctl.log; : >/run/systemctl.log`)
}
