package policy

import (
	"fmt"
	"maps"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"failover/check"
	"failover/conf"
	"failover/lvs"
)

// linkDoc is where the tables of cases stand, for operators and for these tests.
const linkDoc = "../../docs/peer.md"

// docTable reads the rows of the table of a document whose head begins with a text.
func docTable(t *testing.T, head string, least int) (rows [][]string) {
	t.Helper()
	text, err := os.ReadFile(linkDoc)
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(text), head)
	if !found {
		t.Fatalf("%s has no table %q", linkDoc, head)
	}
	for _, line := range strings.Split(after, "\n")[2:] {
		if !strings.HasPrefix(line, "|") {
			break
		}
		var row []string
		for _, cell := range strings.Split(strings.Trim(line, "|"), "|") {
			row = append(row, strings.TrimSpace(cell))
		}
		rows = append(rows, row)
	}
	if len(rows) < least {
		t.Fatalf("%d rows of %q: the table is not where it was", len(rows), head)
	}
	return rows
}

// start is when everything in these tests is.
var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// linkedPair is a pair with a link and so many more real servers.
func linkedPair(more int) World {
	w := pair("rr")
	w.Node.PeerLink = true
	vs := &w.Node.Servers[0]
	first := vs.Servers[0]
	vs.Servers = vs.Servers[:1]
	for i := range more {
		rs := first
		rs.Name, rs.Address = fmt.Sprintf("more%d", i), netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 168, 34, byte(i)}), 80)
		vs.Servers = append(vs.Servers, rs)
	}
	w.SinceStart = time.Hour
	return w
}

// seenAs reads "down 2s": a verdict and its age.
func seenAs(t *testing.T, cell string) (s check.Status, age time.Duration) {
	t.Helper()
	word, since, _ := strings.Cut(cell, " ")
	age = time.Minute
	if since != "" {
		var err error
		if age, err = time.ParseDuration(since); err != nil {
			t.Fatal(err)
		}
	}
	return check.Status(word), age
}

// TestAgreeTable plays every row of the table of docs/peer.md.
func TestAgreeTable(t *testing.T) {
	for _, row := range docTable(t, "| here | there | others up |", 18) {
		for _, others := range strings.Split(row[2], ", ") {
			t.Run(strings.Join(row[:2], ", ")+", "+others, func(t *testing.T) {
				n, err := strconv.Atoi(others)
				if err != nil {
					t.Fatal(err)
				}
				if got := agreedOn(t, row[0], row[1], n); got != row[3] {
					t.Errorf("the table has it with %s, want %s", got, row[3])
				}
			})
		}
	}
}

// agreedOn is where web1 stands in the table when it is found as the cells say, here
// and there, beside n others that are up on both.
func agreedOn(t *testing.T, here, there string, n int) string {
	t.Helper()
	w := linkedPair(n)
	id := CheckID(&w.Node.Servers[0], &w.Node.Servers[0].Servers[0])
	for _, rs := range w.Node.Servers[0].Servers {
		w.Verdicts[CheckID(&w.Node.Servers[0], &rs)] = check.Verdict{Status: check.Up, Since: start.Add(-time.Hour)}
	}
	first := strings.HasPrefix(here, "first ")
	status, age := seenAs(t, strings.TrimPrefix(here, "first "))
	w.Disputes = Disputes{Stood: map[check.ID]check.Status{}}
	switch {
	case first:
	case status == check.Up && age < time.Minute:
		w.Disputes.Stood[id] = check.Down
	default:
		w.Disputes.Stood[id] = check.Up
	}
	w.Verdicts[id] = check.Verdict{ID: id, Status: status, Since: start.Add(-age)}
	if there != "silent" {
		o := Other{Director: "lb2", Down: map[check.ID]time.Time{}, Unknown: map[check.ID]bool{}}
		switch says, age := seenAs(t, there); says {
		case check.Down:
			o.Down[id] = start.Add(-age)
		case check.Unknown:
			o.Unknown[id] = true
		}
		w.Others = []Other{o}
	}
	w.Disputes = Agree(start, &w)
	for _, s := range Desired(w).Table.Services[0].Servers {
		if s.Address == web1 {
			return fmt.Sprint(s.Weight)
		}
	}
	return "out"
}

// TestDisputedUnderEachScheduler: a scheduler that refuses the clients of a server of
// weight 0 has it out.
func TestDisputedUnderEachScheduler(t *testing.T) {
	for scheduler, want := range map[string]string{"rr": "0", "wlc": "0", "sh": "out", "dh": "out"} {
		w := linkedPair(3)
		w.Node.Servers[0].Scheduler = scheduler
		for i := range w.Node.Servers[0].Servers {
			rs := &w.Node.Servers[0].Servers[i]
			rs.Address = web1
			if i > 0 {
				rs.Address = web2
			}
			w.Verdicts[CheckID(&w.Node.Servers[0], rs)] = check.Verdict{Status: check.Up, Since: start.Add(-time.Hour)}
		}
		w.Others = []Other{{Director: "lb2", Down: map[check.ID]time.Time{{VirtualServer: "web", RealServer: "web1"}: start.Add(-time.Second)}}}
		w.Disputes = Agree(start, &w)
		got := "out"
		for _, s := range Desired(w).Table.Services[0].Servers {
			if s.Address == web1 {
				got = fmt.Sprint(s.Weight)
			}
		}
		if got != want {
			t.Errorf("%s: %s, want %s", scheduler, got, want)
		}
	}
}

// TestBlindNeighbour: one that loses more than half of the servers of a virtual server,
// or its quorum, is not followed; what the operator has taken out does not count.
func TestBlindNeighbour(t *testing.T) {
	for _, c := range []struct {
		name         string
		up, lost     int
		quorum       int
		drained      bool // the first of those that are not lost
		out, counted int
	}{
		{"one of four", 4, 1, 1, false, 0, 1},
		{"half", 4, 2, 1, false, 0, 2},
		{"most", 4, 3, 1, false, 0, 0},
		{"all", 4, 4, 1, false, 0, 0},
		{"the quorum", 4, 1, 4, false, 0, 0},
		{"a quorum that is not there", 4, 1, 9, false, 0, 1},
		{"half, with one drained", 4, 2, 1, true, 0, 0},
	} {
		w := linkedPair(c.up - 1)
		vs := &w.Node.Servers[0]
		vs.Quorum = c.quorum
		o := Other{Director: "lb2", Down: map[check.ID]time.Time{}}
		for i, rs := range vs.Servers {
			id := CheckID(vs, &rs)
			w.Verdicts[id] = check.Verdict{Status: check.Up, Since: start.Add(-time.Hour)}
			if i < c.lost {
				o.Down[id] = start.Add(-time.Second)
			}
		}
		if c.drained {
			w.Overrides = map[check.ID]Override{CheckID(vs, &vs.Servers[c.up-1]): {Kind: Drain}}
		}
		w.Others = []Other{o}
		counted := 0
		for _, d := range Agree(start, &w).Open {
			if d.Counts {
				counted++
			}
		}
		if counted != c.counted {
			t.Errorf("%s: %d of %d count, want %d", c.name, counted, c.lost, c.counted)
		}
	}
}

// TestWrongWord: a word that was taken back, or not confirmed, is not followed again
// for a while.
func TestWrongWord(t *testing.T) {
	w := linkedPair(3)
	vs := w.Node.Servers[0]
	for _, rs := range vs.Servers {
		w.Verdicts[CheckID(&vs, &rs)] = check.Verdict{Status: check.Up, Since: start.Add(-time.Hour)}
	}
	id := CheckID(&vs, &vs.Servers[0])
	says := func(at time.Duration, down bool, since time.Duration, counts bool) {
		t.Helper()
		o := Other{Director: "lb2", Down: map[check.ID]time.Time{}}
		if down {
			o.Down[id] = start.Add(since)
		}
		w.Others = []Other{o}
		w.Disputes = Agree(start.Add(at), &w)
		if got := w.Disputes.Open[id].Counts; got != counts {
			t.Errorf("after %v: counts %t, want %t", at, got, counts)
		}
	}
	says(0, false, 0, false)
	says(time.Second, true, time.Second, true)
	says(3*time.Second, false, 0, false) // taken back
	says(4*time.Second, true, 4*time.Second, false)
	says(time.Minute+2*time.Second, false, 0, false)
	says(time.Minute+3*time.Second, true, time.Minute+3*time.Second, true)
	says(time.Minute+8*time.Second, true, time.Minute+3*time.Second, false) // not confirmed
	says(time.Minute+9*time.Second, false, 0, false)
	says(time.Minute+10*time.Second, true, time.Minute+10*time.Second, false)
	// A link that is lost in the middle says nothing of who was right.
	later := 10 * time.Minute
	says(later, false, 0, false)
	says(later+time.Second, true, later+time.Second, true)
	w.Others = nil
	w.Disputes = Agree(start.Add(later+2*time.Second), &w)
	if len(w.Disputes.Open)+len(w.Disputes.Wrong) != 0 {
		t.Errorf("without a link: %+v", w.Disputes)
	}
}

// TestDirectorsAgree plays a server as two directors see it, with beats a second apart:
// whatever they see, a server takes connections only where it is up by the director's
// own checks; two that see the same have the same table within Hold and a beat; one
// that has not changed its mind for so long goes by its own checks; and a director
// never has none that is up in its own eyes and takes connections, if it sees any.
func TestDirectorsAgree(t *testing.T) {
	const beat, step, servers = time.Second, 250 * time.Millisecond, 4
	rapid.Check(t, func(t *rapid.T) {
		var ends [2]World
		quiet := [2]time.Duration{}
		for i := range ends {
			ends[i] = linkedPair(servers - 1)
			for _, id := range Checked(ends[i].Node) {
				ends[i].Verdicts[id] = check.Verdict{ID: id, Status: check.Up, Since: start.Add(-time.Hour)}
			}
		}
		ids := Checked(ends[0].Node)
		cut := false
		for at := time.Duration(0); at < 40*time.Second; at += step {
			now := start.Add(at)
			for i := range ends {
				quiet[i] += step
				if at < 25*time.Second && rapid.IntRange(0, 7).Draw(t, "changes") == 0 {
					id := ids[rapid.IntRange(0, servers-1).Draw(t, "server")]
					v := ends[i].Verdicts[id]
					v.Status, v.Since = map[check.Status]check.Status{check.Up: check.Down, check.Down: check.Up}[v.Status], now
					ends[i].Verdicts[id] = v
					quiet[i] = 0
				}
			}
			if rapid.IntRange(0, 40).Draw(t, "cut") == 0 {
				cut = !cut
			}
			for i := range ends {
				if at%beat == time.Duration(i)*step {
					ends[i].Others = nil
					if !cut {
						ends[i].Others = []Other{wordOf(ends[1-i])}
					}
				}
				ends[i].Disputes = Agree(now, &ends[i])
				checkEnd(t, ends[i], quiet)
			}
		}
		if a, b := fmt.Sprint(Desired(ends[0]).Table), fmt.Sprint(Desired(ends[1]).Table); maps.EqualFunc(ends[0].Verdicts, ends[1].Verdicts, sameStatus) && a != b {
			t.Errorf("both see the same, and have\n%s\n%s", a, b)
		}
	})
}

func sameStatus(a, b check.Verdict) bool { return a.Status == b.Status }

// wordOf is what a director says of itself.
func wordOf(w World) Other {
	o := Other{Director: "other", Down: map[check.ID]time.Time{}, Unknown: map[check.ID]bool{}}
	for id, v := range w.Verdicts {
		if v.Status == check.Down {
			o.Down[id] = v.Since
		}
	}
	return o
}

func checkEnd(t *rapid.T, w World, quiet [2]time.Duration) {
	vs := w.Node.Servers[0]
	up, takes := 0, 0
	for _, rs := range vs.Servers {
		own, force := Standing(&w, &vs, &rs), inForce(&w, &vs, &rs)
		if own == check.Up {
			up++
		}
		if force == check.Up {
			takes++
			if own != check.Up {
				t.Errorf("%s takes connections and is %s here", rs.Name, own)
			}
		}
		if min(quiet[0], quiet[1]) > Hold+2*time.Second && own != force {
			t.Errorf("%s: %s in force, and %s here for long", rs.Name, force, own)
		}
	}
	if 2*takes < up {
		t.Errorf("%d take connections, %d are up here", takes, up)
	}
}

// TestNoLinkNoDispute: without a link each goes by itself; services of a table share checks.
func TestNoLinkNoDispute(t *testing.T) {
	w := linkedPair(1)
	w.Node.PeerLink = false
	w.Node.Servers = append(w.Node.Servers, conf.VirtualServer{Name: "web", Key: lvs.Key{Protocol: lvs.UDP, Address: vip}, Servers: w.Node.Servers[0].Servers})
	if d := Agree(start, &w); d.Open != nil || d.Stood != nil {
		t.Errorf("%+v", d)
	}
	if n := len(Checked(w.Node)); n != 2 {
		t.Errorf("%d checks of two servers that two services share", n)
	}
}
