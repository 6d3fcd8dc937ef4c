package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"failover/e2e/vagrant"
)

// made is where the Vagrantfile keeps the keys, and the file with their public halves.
const made = ".vagrant/failover"

// setUp makes the pair of every method out of what vagrant up has made, and may be
// repeated: what an earlier run has purged is installed again, and what it has left
// undone is undone.
func (s *machines) setUp(t *testing.T) {
	t.Helper()
	file, version := s.file(t), packageVersion(t, deb())
	// All at once: what takes long is that each answers slowly.
	ctx := within(t, 5*time.Minute)
	errs := make([]error, len(s.Machines()))
	var all sync.WaitGroup
	for i, m := range s.Machines() {
		all.Go(func() {
			if errs[i] = s.addresses(ctx, m); errs[i] == nil && m != s.Client {
				errs[i] = s.configure(ctx, m, file, version)
			}
		})
	}
	all.Wait()
	must(t, errors.Join(errs...))
	s.settled(t, 2*time.Minute)
}

// configure makes a machine a director or a web server.
func (s *machines) configure(ctx context.Context, m *vagrant.Machine, file, version string) error {
	have, err := m.Run(ctx, "dpkg-query -W -f '${db:Status-Abbrev} ${Version}' failover 2>/dev/null || true")
	if err == nil && have != "ii  "+version {
		if err = m.Copy(ctx, deb(), "/tmp/failover.deb", 0o644); err == nil {
			_, err = m.Run(ctx, "DEBIAN_FRONTEND=noninteractive dpkg -i /tmp/failover.deb")
		}
	}
	if err == nil {
		err = m.Write(ctx, file, "/etc/failover/failover.toml", 0o644)
	}
	if m == s.Web1 || m == s.Web2 {
		if err == nil {
			_, err = m.Run(ctx, "systemctl enable -q failover-realserver; systemctl reload-or-restart failover-realserver")
		}
		return err
	}
	if err == nil {
		err = m.Copy(ctx, filepath.Join(made, m.Name+".key"), "/etc/failover/node.key", 0o600)
	}
	if err == nil {
		_, err = m.Run(ctx, "systemctl unmask -q failover; systemctl enable -q failover; systemctl reload-or-restart failover; failover switchover --clear")
	}
	return err
}

// deb is the package under test.
func deb() string {
	if file := os.Getenv("FAILOVER_DEB"); file != "" {
		return file
	}
	return "../bin/failover.deb"
}

// packageVersion is that of a file which scripts/package has named.
func packageVersion(t *testing.T, file string) string {
	t.Helper()
	real, err := filepath.EvalSymlinks(file)
	must(t, err)
	parts := strings.Split(filepath.Base(real), "_")
	if len(parts) != 3 {
		t.Fatalf("%s is no package of scripts/package", real)
	}
	return parts[1]
}

// file is the configuration of every method, with the keys of the Vagrantfile.
func (s *machines) file(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(made, "failover.toml"))
	must(t, err)
	directors, _, ok := strings.Cut(string(text), "\n[virtual_router.")
	if !ok || strings.Count(directors, "public_key") != 2 {
		t.Fatalf("%s/failover.toml has no two directors with keys first:\n%s", made, text)
	}
	return directors + "\n" + everyMethod()
}

// addresses undoes what may have been done to a machine, and gives it addresses of
// IPv6, again at each boot, and the client a card beside the real servers.
func (s *machines) addresses(ctx context.Context, m *vagrant.Machine) error {
	lines := map[string][]string{
		"lb1":  {"eth1 2001:db8:33::91/64", "eth2 2001:db8:20::5/64"},
		"lb2":  {"eth1 2001:db8:33::94/64", "eth2 2001:db8:20::6/64"},
		"web1": {"eth1 2001:db8:33::92/64"},
		"web2": {"eth1 2001:db8:33::93/64"},
	}[m.Name]
	switch m {
	case s.Client:
		beside, err := m.Join(ctx, "inside")
		if err != nil {
			return err
		}
		lines = []string{"eth1 2001:db8:20::2/64", beside + " 2001:db8:33::2/64", beside + " 192.168.33.2/24"}
	case s.LB1, s.LB2:
		if err := m.Restore(ctx); err != nil {
			return err
		}
	}
	var unit strings.Builder
	// Before the daemon: a director that boots would find its servers of IPv6 down, and
	// take over all the same.
	fmt.Fprint(&unit, "[Unit]\nAfter=network-online.target\nWants=network-online.target\nBefore=failover.service\n\n[Service]\nType=oneshot\nRemainAfterExit=yes\n")
	for _, line := range lines {
		link, address, _ := strings.Cut(line, " ")
		nodad := ""
		if strings.Contains(address, ":") {
			nodad = " nodad"
		}
		fmt.Fprintf(&unit, "ExecStart=/bin/ip link set %[1]s up\nExecStart=/bin/ip addr replace %[2]s dev %[1]s%[3]s\n", link, address, nodad)
	}
	fmt.Fprint(&unit, "\n[Install]\nWantedBy=multi-user.target\n")
	if err := m.Write(ctx, unit.String(), "/etc/systemd/system/lab-addresses.service", 0o644); err != nil {
		return err
	}
	_, err := m.Run(ctx, "systemctl daemon-reload; systemctl enable -q lab-addresses; systemctl restart lab-addresses")
	return err
}
