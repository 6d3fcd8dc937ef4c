package e2e

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"failover/e2e/lab"
)

// west is the second group of a crossed pair: preferred on lb2, with a gateway and a
// service of its own, whose web servers send their replies to that gateway.
const west = `
[virtual_router.west_outside]
interface = "eth2"
vrid = 53
addresses = ["172.20.10.9/28"]
advert_interval = "500ms"
priority = { lb1 = 100, lb2 = 150 }
group = "west"

[virtual_router.west_inside]
interface = "eth1"
vrid = 54
addresses = ["192.168.33.89/24"]
advert_interval = "500ms"
priority = { lb1 = 100, lb2 = 150 }
group = "west"

[virtual_server.west]
address = "172.20.10.9:80"
scheduler = "rr"
forward = "nat"
check = { kind = "tcp", interval = "1s", timeout = "1s", rise = 1, fall = 2 }
real_server = [
  { name = "web3", address = "192.168.33.95:80", weight = 1 },
  { name = "web4", address = "192.168.33.96:80", weight = 1 },
]
`

const westService = "172.20.10.9:80"

// crossing is a group of the crossed pair with its clients.
type crossing struct {
	name      string
	service   string
	addresses []netip.Addr
	servers   []string // who may answer
	held      *lab.Held
	stream    *lab.Stream
}

// TestCrossed: two groups, each preferred on another director and each with its own
// gateway and service. Both directors serve; one dies, the other has both; it comes
// back, and they are crossed again; a switchover of one group leaves the other alone.
// No held connection breaks by any of it, and no request fails by what is planned.
func TestCrossed(t *testing.T) {
	setup := lab.Setup{AdvertInterval: 500 * time.Millisecond, Check: "tcp", Rise: 1, Fall: 2, Lines: west}
	s := failover(t, setup)
	s.linked(t, setup)
	for name, address := range map[string]string{"web3": "192.168.33.95/24", "web4": "192.168.33.96/24"} {
		_, err := s.AddWeb(name, address)
		must(t, err)
		must(t, s.Node(name).DefaultRoute(netip.MustParseAddr("192.168.33.89")))
	}
	groups := []*crossing{
		{name: "nat", service: lab.Service, addresses: virtual(), servers: []string{"web1", "web2"}},
		{name: "west", service: westService, servers: []string{"web3", "web4"},
			addresses: []netip.Addr{netip.MustParseAddr("172.20.10.9"), netip.MustParseAddr("192.168.33.89")}},
	}
	for _, n := range s.Directors() {
		must(t, s.pair.Unit(n).Start(within(t, 60*time.Second)))
	}
	s.crossed(t, groups, s.LB1, s.LB2)
	for _, n := range s.Directors() {
		must(t, s.pair.WaitServers(within(t, 30*time.Second), n, 4))
		s.insync(t, n)
	}
	for _, g := range groups {
		g.hold(t, s)
	}
	s.play(t,
		scenario{"one dies", func(t *testing.T) {
			s.crossing(t, groups, false, func() {
				must(t, s.pair.Unit(s.LB1).Kill9(false))
				s.crossed(t, groups, s.LB2, s.LB2)
			})
		}},
		scenario{"it comes back", func(t *testing.T) {
			s.crossing(t, groups, true, func() {
				must(t, s.pair.Unit(s.LB1).Start(within(t, 60*time.Second)))
				s.crossed(t, groups, s.LB1, s.LB2)
			})
		}},
		scenario{"the other stops and starts", func(t *testing.T) {
			s.crossing(t, groups, true, func() {
				must(t, s.pair.Unit(s.LB2).Stop(within(t, 60*time.Second)))
				s.crossed(t, groups, s.LB1, s.LB1)
				must(t, s.pair.Unit(s.LB2).Start(within(t, 60*time.Second)))
				s.crossed(t, groups, s.LB1, s.LB2)
			})
		}},
		scenario{"switchover of one", func(t *testing.T) { s.switchesOne(t, groups) }},
	)
}

// switchesOne: the group that is named moves, the other one does not change its role;
// where none is named, who is to be master has to be.
func (s *scene) switchesOne(t *testing.T, groups []*crossing) {
	s.insync(t, s.LB1)
	if out, code := s.command(t, s.LB1, "switchover"); code != 2 || !strings.Contains(out, "each of the two is master of some groups") {
		t.Errorf("of all groups: exit code %d: %s", code, out)
	}
	before := s.roleChanges(t) // of the router outside, which is of the other group
	s.crossing(t, groups, true, func() {
		s.says(t, s.LB2, "switchover", "west")
		s.crossed(t, groups, s.LB1, s.LB1)
		s.insync(t, s.LB1)
		s.says(t, s.LB2, "switchover", "west", "--clear")
		s.crossed(t, groups, s.LB1, s.LB2)
	})
	for name, now := range s.roleChanges(t) {
		if now != before[name] {
			t.Errorf("%s: the other group changed its role: %d transitions, were %d", name, now, before[name])
		}
	}
}

// crossed waits until each group's addresses are on its director, all of them, and
// nowhere else.
func (s *scene) crossed(t *testing.T, groups []*crossing, holders ...*lab.Node) {
	t.Helper()
	for i, g := range groups {
		eventually(t, 60*time.Second, g.name+" is on "+holders[i].Name+" alone", func() (bool, error) {
			for _, n := range s.Directors() {
				have, err := n.Addresses()
				if err != nil {
					return false, err
				}
				for _, a := range g.addresses {
					if have[a] != (n == holders[i]) {
						return false, nil
					}
				}
			}
			return true, nil
		})
	}
}

// hold opens connections of the group and waits until they are old and known to both
// directors.
func (g *crossing) hold(t *testing.T, s *scene) {
	t.Helper()
	var err error
	g.held, err = s.Client.Hold(within(t, 30*time.Second), lab.HeldSpec{Address: g.service, Count: 10, Every: 400 * time.Millisecond})
	must(t, err)
	old := time.Now().Add(heldAge)
	eventually(t, 60*time.Second, g.name+": the held connections are old and in both tables", seldom(500*time.Millisecond, func() (bool, error) {
		if time.Now().Before(old) {
			return false, nil
		}
		for _, n := range s.Directors() {
			if known, err := s.known(n, g.held.Conns()); err != nil || known < 10 {
				return false, err
			}
		}
		return true, nil
	}))
}

// crossing lets clients of both groups ask while something happens. Every request is
// answered by a server of its group, no held connection breaks; with planned no
// request fails.
func (s *scene) crossing(t *testing.T, groups []*crossing, planned bool, happens func()) {
	t.Helper()
	for _, g := range groups {
		g.held.Lap()
		g.stream = s.Client.Stream(lab.StreamSpec{URL: "http://" + g.service + "/", Every: 2 * every})
		t.Cleanup(func() { g.stream.Stop() })
		g.served(t)
	}
	happens()
	for _, g := range groups {
		g.served(t)
		requests, held := g.stream.Stop(), g.held.Lap()
		t.Logf("%s: %v\n%v", g.name, requests, held)
		if broken := held.Broken(); broken > 0 {
			t.Errorf("%s: %d held connections broke", g.name, broken)
		}
		if failed := len(requests.Failed()); failed > 0 && planned {
			t.Errorf("%s: %d requests failed", g.name, failed)
		}
		for server, n := range requests.Servers() {
			if server != g.servers[0] && server != g.servers[1] {
				t.Errorf("%s: %d answers by %s", g.name, n, server)
			}
		}
	}
}

// served waits until requests and held connections are answered.
func (g *crossing) served(t *testing.T) {
	t.Helper()
	since := time.Now()
	eventually(t, 30*time.Second, g.name+" is served", func() (bool, error) {
		return g.stream.AnsweredFrom(since) >= 10 && g.held.Conns().Since(since), nil
	})
}
