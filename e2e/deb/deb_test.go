package deb

import (
	"flag"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"failover/internal/testenv"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestContents: every file of the package, with its mode and owner.
func TestContents(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.sh(install)
	got := m.sh(`dpkg-query -L failover | while read -r path; do
		[ -d "$path" ] && [ "$path" != /etc/failover ] || stat -c '%A %U:%G %n' "$path"
	done`)
	const golden = "testdata/contents.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", golden, diff)
	}
	// What is there also works.
	m.sh(`failover version
failover validate /usr/share/doc/failover/examples/pair.toml
failover validate /usr/share/doc/failover/examples/failover.reference.toml
bash -n /usr/share/bash-completion/completions/failover
dpkg --verify failover
systemd-analyze verify --man=no /usr/lib/systemd/system/failover.service /usr/lib/systemd/system/failover-realserver.service`)
}

// TestAccounts: the group of the socket, and a user that is nobody.
func TestAccounts(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.sh(install)
	got := m.sh(`getent group failover | cut -d: -f1,4
getent passwd failover-script | cut -d: -f1,6,7
[ "$(id -u failover-script)" -lt 1000 ]
stat -c '%A %U:%G %n' /run/failover /var/lib/failover`)
	want := `failover:
failover-script:/:/usr/sbin/nologin
drwxr-xr-x root:root /run/failover
drwxr-xr-x root:root /var/lib/failover
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestNothingIsStarted: an installation enables and starts nothing.
func TestNothingIsStarted(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.services()
	m.sh(install + `[ -z "$(find /etc/systemd /run/systemd -name 'failover*')" ]`)
	if got, want := m.told(), "--system daemon-reload\n"; got != want {
		t.Errorf("systemctl was told\n%s\nwant\n%s", got, want)
	}
}

// TestUpgrade: what runs goes on as the new program, what does not run stays so, and
// the machine's policy is asked.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.sh(install)
	for _, c := range []struct{ active, policy, want string }{
		{"", "", "daemon-reload"},
		{"failover.service", "", "daemon-reload, try-restart failover.service"},
		{"failover-realserver.service", "", "daemon-reload, reload failover-realserver.service"},
		{"failover.service failover-realserver.service", "exit 101", "daemon-reload"},
	} {
		m.services(strings.Fields(c.active)...)
		if c.policy != "" {
			m.sh(`printf '#!/bin/sh\n` + c.policy + `\n' >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d`)
		}
		m.sh(install)
		var done []string
		for line := range strings.Lines(m.told()) {
			line = strings.TrimSpace(strings.Replace(line, "--system ", "", 1))
			if !strings.Contains(line, "is-active") && !strings.Contains(line, "show") {
				done = append(done, line)
			}
		}
		if got := strings.Join(done, ", "); got != c.want {
			t.Errorf("active %q, policy %q: systemctl was told: %s; want %s", c.active, c.policy, got, c.want)
		}
	}
}

// TestEnabledIsKept: what the operator has enabled is so again after a removal, and
// meanwhile no unit of the machine lacks its file.
func TestEnabledIsKept(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.sh(install + `systemctl enable failover.service
echo '# mine' >/etc/failover/failover.toml
` + remove + `[ "$(readlink /etc/systemd/system/failover.service)" = /dev/null ]
grep -q mine /etc/failover/failover.toml
! command -v failover
` + install + `[ "$(systemctl is-enabled failover.service)" = enabled ]
[ "$(systemctl is-enabled failover-realserver.service || true)" = disabled ]
` + purge + `[ -z "$(find /etc/systemd -name 'failover*')" ]`)
}

// TestLintian: Debian's own look at the package.
func TestLintian(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("lintian"); err != nil {
		testenv.Need(t, "lintian", err)
	}
	file := os.Getenv("FAILOVER_DEB")
	if file == "" {
		t.Fatal("FAILOVER_DEB names no package; scripts/package makes one")
	}
	out, err := exec.Command("lintian", "--allow-root", "--fail-on", "error,warning", "--info", file).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("lintian: %v\n%s", err, out)
	}
}
