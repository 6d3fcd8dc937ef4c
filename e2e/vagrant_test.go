package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"failover/e2e/compare"
	"failover/e2e/vagrant"
	"failover/internal/api"
	"failover/internal/testenv"
)

var (
	labFlag  = flag.String("lab", "", "`vagrant`: the scenarios on the machines of scripts/vagrant, and only they")
	pageFlag = flag.String("lab.page", "", "`file` into whose place for results the table of -lab=vagrant is written")
)

// TestMain: with -lab=vagrant only what needs these machines runs, unless -run says
// otherwise.
func TestMain(m *testing.M) {
	flag.Parse()
	switch run := flag.Lookup("test.run"); *labFlag {
	case "":
	case "vagrant":
		if run.Value.String() == "" {
			if err := run.Value.Set("^TestVagrant$"); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(2)
			}
		}
	default:
		fmt.Fprintf(os.Stderr, "-lab=%s: there is a lab \"vagrant\"; without -lab it is the one of namespaces\n", *labFlag)
		os.Exit(2)
	}
	os.Exit(m.Run())
}

// machines is a pair of directors on machines of their own, with clients. The same
// things happen to it as in the lab of namespaces, each once and to all forwarding
// methods at a time, for a machine takes half a minute to boot.
type machines struct {
	*vagrant.Lab
	load    *vagrant.Load
	results vagrant.Results
	about   vagrant.Row // what is the same in every row
}

// The services of the machines. Direct routing and tunnels answer clients directly,
// so these are beside the real servers.
func everyService() []vagrant.Service {
	const often, seldom = 250 * time.Millisecond, 500 * time.Millisecond
	return []vagrant.Service{
		{Name: "nat", Address: "172.20.10.4:80", Every: often, Held: 3},
		{Name: "dr", Address: "192.168.33.80:80", Every: seldom, Held: 3},
		{Name: "tun", Address: "192.168.33.70:80", Every: seldom, Held: 3},
		{Name: "nat, IPv6", Address: "[2001:db8:20::4]:80", Every: seldom, Held: 3},
		{Name: "dr, IPv6", Address: "[2001:db8:33::80]:80", Every: seldom, Held: 3},
	}
}

// onDirectors finds the lines of ip(8) that show an address of the pair.
const onDirectors = ` (172.20.10.4|192.168.33.(90|80|70)|2001:db8:(20::4|33::[89]0))/`

// everyMethod is what comes behind the directors in their file: all of it on one pair.
func everyMethod() string {
	const routers = `
[virtual_router.outside]
interface = "eth2"
vrid = 51
addresses = ["172.20.10.4/28"]
group = "pair"
[virtual_router.inside]
interface = "eth1"
vrid = 52
addresses = ["192.168.33.90/24", "192.168.33.80/32", "192.168.33.70/32"]
group = "pair"
[virtual_router.outside6]
interface = "eth2"
vrid = 51
addresses = ["2001:db8:20::4/64"]
group = "pair"
[virtual_router.inside6]
interface = "eth1"
vrid = 52
addresses = ["2001:db8:33::90/64", "2001:db8:33::80/128"]
group = "pair"

[ipvs.sync]
`
	file := strings.Builder{}
	file.WriteString(routers)
	for _, s := range everyService() {
		name, family, _ := strings.Cut(s.Name, ", ")
		web1, web2 := "192.168.33.92:80", "192.168.33.93:80"
		if family != "" {
			web1, web2 = "[2001:db8:33::92]:80", "[2001:db8:33::93]:80"
		}
		fmt.Fprintf(&file, `
[virtual_server.%s]
address = %q
scheduler = "rr"
forward = %q
check = { kind = "http", path = "/", interval = "2s", timeout = "2s", rise = 1, fall = 3 }
real_server = [ { name = "web1", address = %q }, { name = "web2", address = %q } ]
`, name+strings.TrimPrefix(family, "IPv"), s.Address, name, web1, web2)
	}
	return file.String()
}

// TestVagrant is one pair on machines of their own, through what happens to machines.
// Each scenario begins and ends with a whole pair, lb1 being master; what is seen of
// each event is a row of the results.
func TestVagrant(t *testing.T) {
	s := onMachines(t)
	events := []struct {
		scenario
		rows []string // the rows that it leaves
	}{
		{scenario{"balance", s.balances}, []string{"nothing happens"}},
		{scenario{"switchover", s.switchesOver}, []string{"switchover", "switchover --clear"}},
		{scenario{"engine", s.losesEngine}, []string{"engine killed, started again by systemd"}},
		{scenario{"director", s.losesDirector}, []string{"director process killed"}},
		{scenario{"masked", s.diesForGood}, []string{"all processes killed, unit masked", "started again"}},
		{scenario{"cable outside", s.pulls("outside")}, []string{"master's outside cable pulled", "outside cable back"}},
		{scenario{"cable inside", s.pulls("inside")}, []string{"master's inside cable pulled", "inside cable back"}},
		{scenario{"both cables", s.pulls("outside", "inside")}, []string{"master's cables pulled", "cables back"}},
		{scenario{"suspended", s.suspends}, []string{"master suspended", "master resumed"}},
		{scenario{"power", s.losesPower}, []string{"master's power cut", "master's power back"}},
		{scenario{"reboot", s.reboots}, []string{"master rebooted"}},
		{scenario{"both reboot", s.bothReboot}, []string{"both rebooted at once"}},
		{scenario{"upgrade", s.upgrades}, []string{"backup upgraded", "master upgraded"}},
		{scenario{"purge", s.purges}, []string{"package purged on the master"}},
	}
	var rows []string
	for _, one := range events {
		rows = append(rows, one.rows...)
		if !t.Run(one.name, one.run) {
			s.logs(t)
		}
	}
	s.writes(t, rows)
}

// onMachines finds the machines, which are up, and makes the pair of every method.
func onMachines(t *testing.T) *machines {
	t.Helper()
	if *labFlag != "vagrant" {
		testenv.Need(t, "vagrant", errors.New("needs machines of its own, and -lab=vagrant; scripts/test --vagrant has both"))
	}
	l, err := vagrant.Open("..")
	must(t, err)
	s := &machines{Lab: l}
	t.Cleanup(func() {
		if s.load != nil {
			if err := s.load.Close(); err != nil {
				t.Logf("the client's end: %v", err)
			}
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	dir := os.Getenv("FAILOVER_RESULTS")
	if dir == "" {
		dir = t.TempDir()
	}
	s.results, err = vagrant.OpenResults(dir)
	must(t, err)
	s.setUp(t)
	s.about = vagrant.Row{Program: s.version(t, s.LB1)}
	s.about.Kernel = s.sh(t, s.LB1, "uname -r")
	s.about.Virt = s.sh(t, s.LB1, "systemd-detect-virt || true")

	client := filepath.Join(t.TempDir(), "client")
	build := exec.CommandContext(within(t, 5*time.Minute), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", client, "./vagrant/client")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the client: %v\n%s", err, out)
	}
	s.load, err = l.StartLoad(within(t, time.Minute), client, everyService())
	must(t, err)
	return s
}

// sh runs a script on a machine, which has to succeed, and returns what it prints.
func (s *machines) sh(t *testing.T, m *vagrant.Machine, script string) string {
	t.Helper()
	out, err := m.Run(within(t, 2*time.Minute), script)
	must(t, err)
	return strings.TrimSpace(out)
}

// waits waits for a condition of the machines.
func (s *machines) waits(t *testing.T, limit time.Duration, what string, ok func() (bool, error)) {
	t.Helper()
	must(t, vagrant.Eventually(within(t, limit), what, ok))
}

// version is what the installed program calls itself.
func (s *machines) version(t *testing.T, m *vagrant.Machine) string {
	t.Helper()
	return s.sh(t, m, "dpkg-query -W -f '${Version}' failover")
}

// status asks a director.
func (s *machines) status(ctx context.Context, m *vagrant.Machine) (st api.Status, err error) {
	// Its exit code tells of what is not well.
	out, err := m.Run(ctx, "failover status --json || true")
	if err != nil {
		return st, err
	}
	if err := json.Unmarshal([]byte(out), &st); err != nil {
		return st, fmt.Errorf("status of %s: %w", m.Name, err)
	}
	return st, nil
}

// leads tells whether a director sees itself as the master of everything.
func leads(st api.Status) bool {
	for _, d := range st.Directors {
		if d.Self {
			return len(d.VirtualRouters) > 0 && !slices.ContainsFunc(d.VirtualRouters, func(r api.VirtualRouter) bool { return r.State != "master" })
		}
	}
	return false
}

// waitMaster waits until a director is master.
func (s *machines) waitMaster(t *testing.T, m *vagrant.Machine, limit time.Duration) {
	t.Helper()
	ctx := within(t, limit)
	must(t, vagrant.Eventually(ctx, m.Name+" is master", func() (bool, error) {
		st, err := s.status(ctx, m)
		return err == nil && leads(st), err
	}))
}

// settled waits until the pair is whole: lb1 is master, both are well, and both have
// the same.
func (s *machines) settled(t *testing.T, limit time.Duration) {
	t.Helper()
	ctx := within(t, limit)
	must(t, vagrant.Eventually(ctx, "the pair is whole", func() (bool, error) {
		st, err := s.status(ctx, s.LB1)
		if err != nil {
			return false, err
		}
		return st.Healthy && st.InSync != nil && *st.InSync && leads(st), fmt.Errorf("problems %q", st.Problems)
	}))
}

// logs shows what the directors have logged.
func (s *machines) logs(t *testing.T) {
	t.Helper()
	for _, m := range s.Directors() {
		out, err := m.Run(within(t, 30*time.Second), "journalctl -u failover -u systemd-networkd -o short-monotonic --no-pager -n 60; failover status || true; ip addr; ipvsadm -Ln")
		t.Logf("%s (%v):\n%s", m.Name, err, out)
	}
}

// writes puts the table into the page, if every event has a row of this program.
func (s *machines) writes(t *testing.T, events []string) {
	t.Helper()
	rows, missing, err := s.results.Of(s.about.Program, events)
	must(t, err)
	switch {
	case *pageFlag == "" || t.Failed():
	case len(missing) > 0:
		t.Logf("%s stays as it is, these have not been run with this program: %q", *pageFlag, missing)
	default:
		page, err := os.ReadFile(*pageFlag)
		must(t, err)
		page, err = vagrant.Write(page, rows, everyService(), "commit: "+compare.Commit(), "machine: "+compare.Machine())
		must(t, err)
		must(t, os.WriteFile(*pageFlag, page, 0o644))
	}
}
