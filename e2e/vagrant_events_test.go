package e2e

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"failover/e2e/vagrant"
	"failover/internal/api"
	"failover/internal/testenv"
)

// machinesDown is how long the neighbour of a master that is gone waits, at most and a
// half.
func machinesDown() time.Duration { return masterDown(time.Second, 100) * 3 / 2 }

// promise is what may be lost by an event.
type promise struct {
	failed bool          // requests that were under way, or sent meanwhile
	broken bool          // connections that are held
	gap    time.Duration // without an answer, of any service; 0 is not looked at
	// away: one director is not there at the beginning, and need not know what is held.
	away bool
}

// during lets something happen to a whole pair under load, waits until clients are
// served again, and leaves what they saw as a row.
func (s *machines) during(t *testing.T, event string, p promise, happens func()) map[string]vagrant.Outcome {
	t.Helper()
	s.holds(t, p)
	must(t, s.load.Stream())
	s.served(t, 30*time.Second)
	happens()
	s.served(t, 3*time.Minute)
	all, err := s.load.End()
	must(t, err)

	row := s.about
	row.Event, row.Time, row.Services = event, time.Now().UTC(), map[string]vagrant.Sums{}
	for _, service := range everyService() {
		o := all[service.Name]
		row.Services[service.Name] = o.Sums()
		t.Logf("%s: %s: %v; %v", event, service.Name, o.Requests, o.Held)
	}
	must(t, s.results.Add(row))
	sum, name := row.All(), strings.ReplaceAll(event, " ", "_")
	figure(t, name+"/gap", sum.Gap, "s")
	figure(t, name+"/requests_failed", float64(sum.Failed), "")
	figure(t, name+"/held_broken", float64(sum.Broken), "")
	figure(t, name+"/stall", sum.Stall, "s")
	if sum.Failed > 0 && !p.failed {
		t.Errorf("%s: %d requests failed, want none", event, sum.Failed)
	}
	if sum.Broken > 0 && !p.broken {
		t.Errorf("%s: %d held connections broken, want none", event, sum.Broken)
	}
	if p.gap > 0 && sum.Gap > p.gap.Seconds() {
		t.Errorf("%s: no answer for %.2f s, want at most %.2f s", event, sum.Gap, p.gap.Seconds())
	}
	return all
}

// holds sees that connections are held, of every service, and that both directors know
// them.
func (s *machines) holds(t *testing.T, p promise) {
	t.Helper()
	var ports []uint16
	s.waits(t, time.Minute, "connections are held", func() (bool, error) {
		var err error
		ports, err = s.load.Hold()
		return err == nil, err
	})
	for _, m := range s.Directors() {
		if p.away {
			break
		}
		ctx := within(t, time.Minute)
		must(t, vagrant.Eventually(ctx, m.Name+" knows what is held", func() (bool, error) {
			// Of what there is no more, there is nobody to know it.
			text, err := m.Run(ctx, "cat /proc/net/ip_vs_conn 2>/dev/null || true")
			if err != nil {
				return false, err
			}
			established := map[string]bool{}
			for line := range strings.Lines(text) {
				if f := strings.Fields(line); len(f) > 7 && f[7] == "ESTABLISHED" {
					established[f[2]] = true
				}
			}
			known := 0
			for _, p := range ports {
				if established[fmt.Sprintf("%04X", p)] {
					known++
				}
			}
			return known == len(ports), fmt.Errorf("%d of %d", known, len(ports))
		}))
	}
}

// served waits until clients of every service are served from now on.
func (s *machines) served(t *testing.T, limit time.Duration) {
	t.Helper()
	since, err := s.load.Now()
	must(t, err)
	s.waits(t, limit, "clients of every service are served", func() (bool, error) { return s.load.Served(since, 5) })
}

// balances: answers come from both web servers by turns.
func (s *machines) balances(t *testing.T) {
	all := s.during(t, "nothing happens", promise{}, func() { s.served(t, 30*time.Second) })
	for name, o := range all {
		counts := o.Requests.Servers()
		if d := counts["web1"] - counts["web2"]; len(counts) != 2 || d < -1 || d > 1 {
			t.Errorf("%s: answers %v, want as many of each", name, counts)
		}
	}
}

func (s *machines) switchesOver(t *testing.T) {
	s.during(t, "switchover", promise{}, func() {
		s.sh(t, s.LB1, "failover switchover")
		s.waitMaster(t, s.LB2, 30*time.Second)
	})
	s.during(t, "switchover --clear", promise{}, func() {
		s.sh(t, s.LB1, "failover switchover --clear")
		s.waitMaster(t, s.LB1, 30*time.Second)
	})
	s.settled(t, time.Minute)
}

// mainPID is a shell's word for the main process of the service.
const mainPID = "$(systemctl show -P MainPID failover)"

func (s *machines) losesEngine(t *testing.T) {
	s.during(t, "engine killed, started again by systemd", promise{}, func() {
		before := s.sh(t, s.LB1, "echo "+mainPID+"; kill -KILL "+mainPID)
		s.waits(t, 30*time.Second, "a new engine", func() (bool, error) {
			now, err := s.LB1.Run(within(t, 20*time.Second), "systemctl is-active failover; echo "+mainPID)
			return err == nil && strings.TrimSpace(now) != "active\n"+before, err
		})
	})
	s.settled(t, time.Minute)
}

func (s *machines) losesDirector(t *testing.T) {
	s.during(t, "director process killed", promise{}, func() {
		before := s.sh(t, s.LB1, "pgrep -P "+mainPID+"; pkill -KILL -P "+mainPID)
		s.waits(t, 30*time.Second, "a new director", func() (bool, error) {
			now, err := s.LB1.Run(within(t, 20*time.Second), "pgrep -P "+mainPID)
			return err == nil && strings.TrimSpace(now) != before, err
		})
	})
	s.settled(t, time.Minute)
}

// diesForGood: nothing of the program is alive, and nobody starts it again. The
// kernel takes the addresses off when their lease ends.
func (s *machines) diesForGood(t *testing.T) {
	s.during(t, "all processes killed, unit masked", promise{failed: true, gap: machinesDown()}, func() {
		out := s.sh(t, s.LB1, `systemctl mask -q failover
begin=$(date +%s%N)
systemctl kill -s KILL failover
while ip -o addr | grep -qE '`+onDirectors+`'; do sleep 0.1; done
echo $((($(date +%s%N) - begin) / 1000000))`)
		ms, err := strconv.Atoi(out)
		must(t, err)
		gone := time.Duration(ms) * time.Millisecond
		figure(t, "addresses_gone", gone.Seconds(), "s")
		if limit := lease + 1500*time.Millisecond; gone > limit {
			t.Errorf("addresses gone after %v, want at most %v", gone, limit)
		}
		s.waitMaster(t, s.LB2, 30*time.Second)
		if out := s.sh(t, s.LB1, "pgrep -x failover || true"); out != "" {
			t.Errorf("the masked service has processes: %s", out)
		}
	})
	s.during(t, "started again", promise{away: true}, func() {
		s.sh(t, s.LB1, "systemctl unmask -q failover; systemctl start failover")
		s.waitMaster(t, s.LB1, time.Minute)
	})
	s.settled(t, time.Minute)
}

// pulls pulls cables of the master and puts them back.
func (s *machines) pulls(networks ...string) func(*testing.T) {
	event, back := "master's "+networks[0]+" cable pulled", networks[0]+" cable back"
	if len(networks) > 1 {
		event, back = "master's cables pulled", "cables back"
	}
	return func(t *testing.T) {
		s.during(t, event, promise{failed: true, gap: machinesDown()}, func() {
			must(t, s.LB1.Pull(within(t, time.Minute), networks...))
			s.waitMaster(t, s.LB2, 30*time.Second)
		})
		s.during(t, back, promise{away: true}, func() {
			must(t, s.LB1.Insert(within(t, time.Minute), networks...))
			s.waitMaster(t, s.LB1, time.Minute)
		})
		s.settled(t, time.Minute)
	}
}

// suspends: the master's processors stop, and its clocks with them, so it goes on as
// if nothing had been.
func (s *machines) suspends(t *testing.T) {
	s.during(t, "master suspended", promise{failed: true, gap: machinesDown()}, func() {
		must(t, s.LB1.Suspend(within(t, time.Minute)))
		s.waitMaster(t, s.LB2, 30*time.Second)
	})
	s.during(t, "master resumed", promise{failed: true, away: true}, func() {
		must(t, s.LB1.Resume(within(t, time.Minute)))
		s.waitMaster(t, s.LB1, time.Minute)
	})
	s.settled(t, time.Minute)
}

func (s *machines) losesPower(t *testing.T) {
	s.during(t, "master's power cut", promise{failed: true, gap: machinesDown()}, func() {
		must(t, s.LB1.PowerOff(within(t, time.Minute)))
		s.waitMaster(t, s.LB2, 30*time.Second)
	})
	s.during(t, "master's power back", promise{away: true}, func() {
		must(t, s.LB1.PowerOn(within(t, 3*time.Minute)))
		s.waitMaster(t, s.LB1, 2*time.Minute)
	})
	s.settled(t, time.Minute)
}

// reboots: on its way down the master hands over, and when it has booted it takes over.
func (s *machines) reboots(t *testing.T) {
	s.during(t, "master rebooted", promise{}, func() {
		booted, err := s.LB1.Reboot(within(t, time.Minute))
		must(t, err)
		must(t, booted(within(t, 3*time.Minute)))
		s.waitMaster(t, s.LB1, 2*time.Minute)
	})
	s.settled(t, time.Minute)
}

// bothReboot: nobody is there meanwhile, and afterwards all is as it was without
// anybody's doing.
func (s *machines) bothReboot(t *testing.T) {
	s.during(t, "both rebooted at once", promise{failed: true, broken: true}, func() {
		first, err := s.LB1.Reboot(within(t, time.Minute))
		must(t, err)
		second, err := s.LB2.Reboot(within(t, time.Minute))
		must(t, err)
		must(t, first(within(t, 3*time.Minute)))
		must(t, second(within(t, 3*time.Minute)))
		s.waitMaster(t, s.LB1, 2*time.Minute)
	})
	s.settled(t, 2*time.Minute)
}

// upgrades: a package of a higher version, on one director and then on the other. It
// goes on in the place of what runs.
func (s *machines) upgrades(t *testing.T) {
	file := os.Getenv("FAILOVER_DEB_NEXT")
	if file == "" {
		testenv.Need(t, "vagrant", errors.New("FAILOVER_DEB_NEXT names no package of a higher version"))
	}
	version, _, _ := strings.Cut(packageVersion(t, file), "-")
	for _, c := range []struct {
		m     *vagrant.Machine
		event string
	}{{s.LB2, "backup upgraded"}, {s.LB1, "master upgraded"}} {
		must(t, c.m.Copy(within(t, 2*time.Minute), file, "/tmp/failover-next.deb", 0o644))
		s.during(t, c.event, promise{}, func() {
			t.Log(s.sh(t, c.m, "DEBIAN_FRONTEND=noninteractive apt-get install -qy /tmp/failover-next.deb 2>&1"))
			s.waits(t, time.Minute, "the new program runs", func() (bool, error) {
				st, err := s.status(within(t, 20*time.Second), c.m)
				if err != nil {
					return false, err
				}
				return slices.ContainsFunc(st.Directors, func(d api.Director) bool { return d.Self && d.Version == version }), nil
			})
		})
		s.settled(t, time.Minute)
	}
}

// ours prints what a machine has of ours: nothing, after a purge.
const ours = `ip -o addr | grep -E '` + onDirectors + `' || true
ip route show default | grep 192.168.33.90 || true
ip -6 route show default | grep 2001:db8:33::90 || true
ip -o link | grep -i failover || true
if command -v nft >/dev/null; then nft list tables | grep failover || true; fi
if command -v ipvsadm >/dev/null; then ipvsadm -Sn; ipvsadm -L --daemon; fi
ls -d /usr/sbin/failover /etc/failover /var/lib/failover /run/failover 2>/dev/null || true
find /etc/systemd /usr/lib/systemd /run/systemd /usr/lib/*.d /usr/share -iname '*failover*' ! -path '*/lab-*' || true
getent passwd failover-script || true
getent group failover || true
pgrep -x failover || true
for one in ip_forward conf/all/arp_ignore conf/all/arp_announce; do
	grep -Hv '^0$' /proc/sys/net/ipv4/$one || true
done`

// purges: the package is taken off the master, and off a web server.
func (s *machines) purges(t *testing.T) {
	const purge = "DEBIAN_FRONTEND=noninteractive apt-get purge -qy failover 2>&1"
	s.during(t, "package purged on the master", promise{}, func() {
		t.Log(s.sh(t, s.LB1, purge))
		s.waitMaster(t, s.LB2, 30*time.Second)
	})
	t.Log(s.sh(t, s.Web2, purge))
	for _, m := range []*vagrant.Machine{s.LB1, s.Web2} {
		if left := s.sh(t, m, ours); left != "" {
			t.Errorf("after the purge %s has\n%s", m.Name, left)
		}
	}
}
