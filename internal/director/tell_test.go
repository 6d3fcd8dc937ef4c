package director

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"failover/internal/ipc"
	"failover/internal/policy"
	"failover/lvs"
)

// programs are those that ran since the last call, without who ran them.
func (b *hookBench) programs() (list []string) {
	for _, l := range b.ran() {
		_, argv, _ := strings.Cut(l, " runs ")
		list = append(list, argv)
	}
	return list
}

var quorumFile = strings.Replace(pairFile, `scheduler = "rr"`, `scheduler = "rr"
quorum = 2
sorry_server = "192.168.33.99:80"
notify = ["/hook"]`, 1)

const sorryServes = "-A -t 172.20.10.4:80 -s rr\n" +
	"-a -t 172.20.10.4:80 -r 192.168.33.93:80 -m -w 0\n" +
	"-a -t 172.20.10.4:80 -r 192.168.33.99:80 -m -w 1\n"

// back is bothUp with the sorry server on its way out.
const back = bothUp + "-a -t 172.20.10.4:80 -r 192.168.33.99:80 -m -w 0\n"

// TestQuorumIsTold: a server goes, the quorum with it, the sorry server comes in,
// and the hook hears of both, in order and once.
func TestQuorumIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, quorumFile)
		s.start(ipc.Hello{})
		time.Sleep(time.Second)
		s.wants("at first", bothUp)
		first := s.hook.programs()
		slices.Sort(first)
		if want := []string{"/hook web unknown up 2 weight 2, quorum 2", "/hook web/web1 unknown up 1 connected", "/hook web/web2 unknown up 1 connected"}; !slices.Equal(first, want) {
			t.Errorf("at first\n%s\nwant\n%s", strings.Join(first, "\n"), strings.Join(want, "\n"))
		}
		s.setDown("192.168.33.92:80", true)
		s.hook.set("/hook", true)
		time.Sleep(4 * time.Second)
		s.wants("below the quorum", sorryServes)
		if got, want := s.hook.programs(), []string{"/hook web/web1 up down 1 connection refused", "/hook web up down 1 weight 1, quorum 2"}; !slices.Equal(got, want) {
			t.Errorf("then\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		st := s.status()
		vs := st.Directors[0].VirtualServers[0]
		if !vs.Sorry || vs.SorryServer != "192.168.33.99:80" || vs.Quorum != "down" || vs.QuorumWeight != 1 || vs.QuorumNeeded != 2 {
			t.Errorf("status %+v", vs)
		}
		if n := vs.Notify; n == nil || n.Told != "web down" || n.OK || n.Detail != "exit status 3" {
			t.Errorf("notify %+v", n)
		}
		for _, want := range []string{
			"web: notify /hook of web down: exit status 3", "web: web1 is down: connection refused",
			"web: quorum is down: a weight of 1 may take connections, 2 is needed; the sorry server has them",
		} {
			if !slices.Contains(st.Problems, want) {
				t.Errorf("problems %q, want %q among them", st.Problems, want)
			}
		}
		sorryHas := func(active uint32) {
			s.kernel.SetStats(lvs.Stats{Servers: map[lvs.Key]map[lvs.ServerID]lvs.ServerStats{webKey: {"192.168.33.99:80": {Active: active}}}})
		}
		sorryHas(1)
		s.setDown("192.168.33.92:80", false)
		time.Sleep(10 * time.Second)
		s.wants("back, while the sorry server has a connection", back)
		sorryHas(0)
		time.Sleep(policy.DrainCalm + 3*drainLook)
		s.wants("back", bothUp)
		s.setDown("192.168.33.92:80", true)
		time.Sleep(4 * time.Second)
		s.wants("below the quorum once more", sorryServes)
		sorryHas(1)
		s.setDown("192.168.33.92:80", false)
		time.Sleep(policy.SorryLeave)
		s.wants("back once more", back)
		time.Sleep(5 * time.Second)
		s.wants("when the sorry server has had its time", bothUp)
	})
}

// TestSorryIsAdopted: a director that is started while the sorry server serves
// leaves everything as it is, and tells the hook nothing that it knows.
func TestSorryIsAdopted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStand(t, quorumFile)
		s.kernel.Load(sorryServes)
		s.setDown("192.168.33.92:80", true)
		s.told.kept = map[string]string{"web": "down", "web/web1": "down", "web/web2": "up"}
		s.start(ipc.Hello{Resume: true})
		time.Sleep(20 * time.Second)
		s.wants("adopted", sorryServes)
		if ops := s.kernel.Done(); len(ops) != 0 {
			t.Errorf("operations on a table that is right: %v", ops)
		}
		if ran := s.hook.programs(); len(ran) != 0 {
			t.Errorf("told again: %q", ran)
		}
	})
}
