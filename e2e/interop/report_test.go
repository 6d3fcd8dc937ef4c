package interop

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"failover/e2e/compare"
)

// report is the document with the outcome.
const report = "../../docs/interop.md"

const (
	tableBegin = "<!-- written by e2e/interop: begin -->"
	tableEnd   = "<!-- written by e2e/interop: end -->"
)

// row is one line of the table.
type row struct{ peer, version, speaks, feature, result, remark string }

func (c trial) row(version string, remarks []string) row {
	return row{c.peer(), version, c.speaks(), c.Feature, cmp.Or(c.Result, "works"), strings.Join(remarks, "; ")}
}

// peer is the other program's name.
func (c trial) peer() string {
	return map[string]string{"keepalived": "keepalived", "frr": "FRR vrrpd"}[c.Peer]
}

// speaks is the form of the protocol in words.
func (c trial) speaks() string {
	s := fmt.Sprintf("VRRPv%d IPv%d %s", c.Version, c.Family, c.Transport)
	if c.Auth != "" {
		s += ", password"
	}
	if c.VMAC {
		s += ", virtual MAC"
	}
	if c.PeerVMAC {
		s += ", use_vmac at the peer"
	}
	return s
}

func (r row) String() string {
	return fmt.Sprintf("| %s | %s | %s | %s | %s | %s |\n", r.peer, r.version, r.speaks, r.feature, r.result, r.remark)
}

// key is what a line of the table is about.
func key(line string) string {
	cells := strings.SplitN(line, "|", 6)
	return strings.Join(cells[:min(5, len(cells))], "|")
}

// document compares the outcome with docs/interop.md, or writes it there with
// -update. A line that this run knows nothing of stays, unless the run knows all.
func document(t *testing.T, rows []row, done []bool, full bool) {
	t.Helper()
	text, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	head, table, tail, err := compare.Cut(string(text), tableBegin, tableEnd)
	if err != nil {
		t.Fatalf("%s: %v", report, err)
	}
	now := tabulate(slices.Collect(strings.Lines(table)), rows, done, full)
	switch {
	case now == table:
	case *update:
		if err := os.WriteFile(report, []byte(head+now+tail), 0o644); err != nil {
			t.Fatal(err)
		}
	case !slices.Contains(done, false): // else some have failed, or were not asked for
		t.Errorf("%s is not what this run has seen; with -update it is written anew:\n%s", report, now)
	}
}

// tabulate puts the rows that are done into the lines of the table. A full run
// gives the table its order.
func tabulate(lines []string, rows []row, done []bool, full bool) string {
	old := lines
	if full {
		lines = []string{"| peer | version | protocol | what | result | remark |\n", "|---|---|---|---|---|---|\n"}
	}
	for i, r := range rows {
		same := func(line string) bool { return key(line) == key(r.String()) }
		at := slices.IndexFunc(lines, same)
		switch was := slices.IndexFunc(old, same); {
		case done[i] && at >= 0:
			lines[at] = r.String()
		case done[i]:
			lines = append(lines, r.String())
		case full && was >= 0:
			lines = append(lines, old[was])
		}
	}
	return strings.Join(lines, "")
}
