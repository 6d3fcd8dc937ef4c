package policy

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"failover/check"
	"failover/conf"
	"failover/lvs"
)

// casesFile is where the table of cases stands, for operators and for this test.
const casesFile = "../../docs/servers.md"

// dimensions are what a case is made of, with the words of the document.
var dimensions = [][]string{
	{"-", "drain", "drained", "disable", "weight 5", "weight 0"},
	{"up", "down", "unknown"},
	{"remove", "quiesce"},
	{"others", "refusing", "mh", "mh refusing"},
	{"no", "yes"},
}

// schedulers are the ones that a word of the document stands for.
var schedulers = map[string][]conf.VirtualServer{
	"others": {
		{Scheduler: "rr"}, {Scheduler: "wlc"}, {Scheduler: "lblc"}, {Scheduler: "sh", Flags: lvs.FlagSched1},
		{Scheduler: "sh", Flags: lvs.FlagSched1 | lvs.FlagPersistent},
	},
	"refusing":    {{Scheduler: "sh"}, {Scheduler: "sh", Flags: lvs.FlagSched2}, {Scheduler: "dh"}},
	"mh":          {{Scheduler: "mh", Flags: lvs.FlagSched1}},
	"mh refusing": {{Scheduler: "mh"}},
}

const configured = 3

// TestEveryCase holds the rules against the table of the document, which has each
// case once.
func TestEveryCase(t *testing.T) {
	rows := caseRows(t)
	for _, c := range combinations(dimensions) {
		var match [][]string
		for _, row := range rows {
			if covers(row, c) {
				match = append(match, row)
			}
		}
		if len(match) != 1 {
			t.Errorf("%q: %d rows of %s speak of it, want one: %q", c, len(match), casesFile, match)
			continue
		}
		for _, like := range schedulers[c[3]] {
			if got, want := placed(t, c, like), strings.Replace(match[0][5], "configured", fmt.Sprint(configured), 1); got != want {
				t.Errorf("%q with %s %#x: %s, want %s", c, like.Scheduler, like.Flags, got, want)
			}
		}
	}
}

// placed is where the rules put a server in a case.
func placed(t *testing.T, c []string, like conf.VirtualServer) string {
	t.Helper()
	w := pair(like.Scheduler)
	vs := &w.Node.Servers[0]
	vs.Flags, vs.Quiesce = like.Flags, c[2] == "quiesce"
	vs.Servers[0].Weight = configured
	w.judge("web1", check.Status(c[1]))
	w.judge("web2", check.Up)
	vs.Servers[1].Weight = 100
	w.SinceStart = time.Hour
	if c[4] == "yes" {
		vs.Quorum, vs.Sorry = 1000, &conf.RealServer{Address: sorry, Forward: lvs.NAT, Weight: 1}
	}
	if c[0] != "-" {
		w.Overrides = map[check.ID]Override{CheckID(vs, &vs.Servers[0]): operatorSays(t, c[0])}
	}
	for _, s := range Desired(w).Table.Services[0].Servers {
		if s.Address == web1 {
			return fmt.Sprint(s.Weight)
		}
	}
	return "out"
}

func operatorSays(t *testing.T, word string) Override {
	t.Helper()
	kind, n, _ := strings.Cut(word, " ")
	o := Override{Kind: OverrideKind(kind)}
	switch kind {
	case "drained":
		o = Override{Kind: Drain, Drained: true}
	case "weight":
		var err error
		if o.Weight, err = strconv.Atoi(n); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

// caseRows are the rows of the document's table of cases.
func caseRows(t *testing.T) (rows [][]string) {
	t.Helper()
	text, err := os.ReadFile(casesFile)
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(text), "| operator | check | on_failure |")
	if !found {
		t.Fatalf("%s has no table of cases", casesFile)
	}
	for _, line := range strings.Split(after, "\n")[2:] {
		if !strings.HasPrefix(line, "|") {
			break
		}
		var row []string
		for _, cell := range strings.Split(strings.Trim(line, "|"), "|") {
			row = append(row, strings.TrimSpace(cell))
		}
		if len(row) != len(dimensions)+1 {
			t.Fatalf("row %q has %d cells", line, len(row))
		}
		rows = append(rows, row)
	}
	return rows
}

func covers(row, c []string) bool {
	for i, word := range c {
		if row[i] != "any" && !slices.Contains(strings.Split(row[i], ", "), word) {
			return false
		}
	}
	return true
}

// combinations are all that can be made of one word of each dimension.
func combinations(of [][]string) [][]string {
	if len(of) == 0 {
		return [][]string{nil}
	}
	var all [][]string
	for _, word := range of[0] {
		for _, rest := range combinations(of[1:]) {
			all = append(all, append([]string{word}, rest...))
		}
	}
	return all
}
