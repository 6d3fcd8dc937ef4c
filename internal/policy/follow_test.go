package policy

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"failover/check"
	"failover/conf"
	"failover/vrrp"
)

// following is a pair with follow_health and so many real servers, of which a director
// sees the first ones.
func following(t *testing.T, of, here string, there string) World {
	t.Helper()
	number := func(s string) int {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	w := linkedPair(number(of) - 1)
	w.Node.Follow = map[string]time.Duration{"nat": 10 * time.Second}
	w.Node.Groups[0].Routers[0].Name = "outside"
	w.Node.Servers[0].VirtualRouter = "outside"
	o := Other{Director: "lb2", Down: map[check.ID]time.Time{}, Unknown: map[check.ID]bool{}}
	for i, id := range Checked(w.Node) {
		w.Verdicts[id] = check.Verdict{ID: id, Status: check.Up}
		if i >= number(here) {
			w.Verdicts[id] = check.Verdict{ID: id, Status: check.Down}
		}
		if there != "silent" && i >= number(there) {
			o.Down[id] = start
		}
	}
	if there != "silent" {
		w.Others = []Other{o}
	}
	return w
}

// pass lets a while go by.
func (w *World) pass(from time.Time, d time.Duration) {
	for at := time.Duration(0); at <= d; at += time.Second {
		w.Behind = Follow(from.Add(at), w)
	}
}

// TestFollowTable plays every row of the table of docs/peer.md: nothing changes before
// the hold is over.
func TestFollowTable(t *testing.T) {
	words := map[bool]string{true: "yields", false: "does not"}
	for _, row := range docTable(t, "| real servers | seen here | seen there |", 15) {
		t.Run(fmt.Sprint(row), func(t *testing.T) {
			w := following(t, row[0], row[1], row[2])
			low := row[3] == "yields"
			w.Behind = map[string]Behind{"nat": {Low: low, Director: "lb2"}}
			w.pass(start, 9*time.Second)
			if w.Behind["nat"].Low != low {
				t.Errorf("after 9 s: %+v", w.Behind["nat"])
			}
			w.pass(start.Add(10*time.Second), 0)
			if got := words[w.Behind["nat"].Low]; got != row[4] {
				t.Errorf("it %s, want %s", got, row[4])
			}
			if h := Desired(w).Health["nat"]; h.Lowest != w.Behind["nat"].Low {
				t.Errorf("health %+v", h)
			}
		})
	}
}

// TestFollowBeginsAnew: a lead that was interrupted begins anew.
func TestFollowBeginsAnew(t *testing.T) {
	w, even := following(t, "2", "1", "2"), following(t, "2", "2", "2")
	w.pass(start, 9*time.Second)
	lead := w.Others
	w.Others = even.Others
	w.Verdicts, even.Verdicts = even.Verdicts, w.Verdicts
	w.pass(start.Add(10*time.Second), 0)
	w.Others, w.Verdicts = lead, even.Verdicts
	w.pass(start.Add(11*time.Second), 9*time.Second)
	if w.Behind["nat"].Low {
		t.Error("it yields after two times nine seconds")
	}
	w.pass(start.Add(21*time.Second), 0)
	if !w.Behind["nat"].Low {
		t.Error("it does not yield")
	}
}

// TestFollowWaitsForSlowChecks: a server that died is no lead while the other director
// has not looked.
func TestFollowWaitsForSlowChecks(t *testing.T) {
	w := following(t, "2", "1", "2")
	w.Node.Servers[0].Servers[1].Checks = []check.Spec{{Kind: check.TCP, Interval: 30 * time.Second, Timeout: time.Second, Fall: 3, Rise: 1}}
	w.pass(start, 32*time.Second)
	if w.Behind["nat"].Low {
		t.Error("it yields before the other has looked")
	}
	w.pass(start.Add(33*time.Second), 0)
	if !w.Behind["nat"].Low {
		t.Error("it does not yield")
	}
}

// TestWhatCounts: real servers without a check, those that the operator has out, and
// those of another group do not.
func TestWhatCounts(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*World)
		of     int
	}{
		{"all", func(*World) {}, 2},
		{"no check", func(w *World) { w.Node.Servers[0].Servers[1].Checks = nil }, 1},
		{"drained", func(w *World) {
			w.Overrides = map[check.ID]Override{Checked(w.Node)[1]: {Kind: Drain}}
		}, 1},
		{"another group", func(w *World) { w.Node.Servers[0].VirtualRouter = "elsewhere" }, 0},
		{"of no group", func(w *World) { w.Node.Servers[0].VirtualRouter = conf.NoRouter }, 2},
		{"two services of one table", func(w *World) { w.Node.Servers = append(w.Node.Servers, w.Node.Servers[0]) }, 2},
	} {
		w := following(t, "2", "1", "2")
		c.change(&w)
		w.pass(start, 10*time.Second)
		if b := w.Behind["nat"]; b.Of != c.of || b.Low != (c.of == 2) {
			t.Errorf("%s: %+v, want %d", c.name, b, c.of)
		}
	}
}

// TestFollowAndTheRest: who is preferred yields as with any penalty; one in maintenance
// stays there; a group without the key does nothing.
func TestFollowAndTheRest(t *testing.T) {
	w := following(t, "2", "1", "2")
	w.Node.Groups = append(w.Node.Groups, vrrp.GroupConfig{Name: "dmz"})
	w.pass(start, 10*time.Second)
	w.Preferred = map[string]Preferred{"nat": {Director: "lb1", Priority: 150}}
	h := Desired(w).Health
	if !h["nat"].Lowest || h["nat"].Fault || h["dmz"].Lowest {
		t.Errorf("preferred: %+v", h)
	}
	if c := h["nat"].Causes; len(c) != 1 || c[0].Detail != "lb2 sees 2 of 2 real servers up, this director 1" {
		t.Errorf("causes %+v", c)
	}
	w.Maintenance = true
	if h := Desired(w).Health["nat"]; h.Ready || !h.Lowest {
		t.Errorf("in maintenance: %+v", h)
	}
}
