package interop

import (
	"cmp"
	"fmt"
	"os"
	"strings"
	"testing"
)

// report is the document with the outcome.
const report = "../../docs/interop.md"

const (
	tableBegin = "<!-- written by e2e/interop: begin -->\n"
	tableEnd   = "<!-- written by e2e/interop: end -->\n"
)

// row is one line of the table.
type row struct{ peer, version, speaks, feature, result, remark string }

func (c trial) row(version string, remarks []string) row {
	names := map[string]string{"keepalived": "keepalived", "frr": "FRR vrrpd"}
	speaks := fmt.Sprintf("VRRPv%d IPv%d %s", c.Version, c.Family, c.Transport)
	if c.Auth != "" {
		speaks += ", password"
	}
	if c.VMAC {
		speaks += ", virtual MAC"
	}
	return row{names[c.Peer], version, speaks, c.Feature, cmp.Or(c.Result, "works"), strings.Join(remarks, "; ")}
}

func (r row) String() string {
	return fmt.Sprintf("| %s | %s | %s | %s | %s | %s |\n", r.peer, r.version, r.speaks, r.feature, r.result, r.remark)
}

// document compares the outcome with docs/interop.md, or writes it there with
// -update. Lines about other versions of a peer stay.
func document(t *testing.T, rows []row) {
	t.Helper()
	text, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(text), tableBegin)
	table, tail, ok2 := strings.Cut(rest, tableEnd)
	if !ok || !ok2 {
		t.Fatalf("%s: no place for the table", report)
	}
	fresh := map[string]bool{} // peers with their versions
	var b strings.Builder
	b.WriteString("| peer | version | protocol | what | result | remark |\n|---|---|---|---|---|---|\n")
	for _, r := range rows {
		fresh["| "+r.peer+" | "+r.version+" |"] = true
		b.WriteString(r.String())
	}
	for line := range strings.Lines(table) {
		known := strings.HasPrefix(line, "| peer |") || strings.HasPrefix(line, "|---")
		for of := range fresh {
			known = known || strings.HasPrefix(line, of)
		}
		if !known {
			b.WriteString(line)
		}
	}
	if b.String() == table {
		return
	}
	if !*update {
		t.Errorf("%s is not what this run has seen; with -update it is written anew:\n%s", report, b.String())
		return
	}
	if err := os.WriteFile(report, []byte(head+tableBegin+b.String()+tableEnd+tail), 0o644); err != nil {
		t.Fatal(err)
	}
}
