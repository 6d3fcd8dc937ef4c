package vrrp

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var updateLedger = flag.Bool("update", false, "write docs/rfc-ledger.md anew")

const ledgerFile = "../docs/rfc-ledger.md"

// duty is one sentence of an RFC that binds: a MUST, MUST NOT, SHOULD or SHOULD
// NOT, or a step of the state machine, which section 6.4 puts under one MUST.
//
// It is held by a test that shows it obeyed and one that shows its breach refused,
// or a reason is written: why the other test cannot be, or why the sentence does
// not bind here. Tests are named by their package's folder, "vrrp/linux.TestX".
type duty struct {
	section, level, text string
	obeyed, refused      string // names, separated by blanks
	reason               string
}

// bound tells whether the ledger has an answer for a duty.
func (d duty) bound() bool { return d.obeyed != "" && d.refused != "" || d.reason != "" }

// isMust tells the duties that leave no choice.
func (d duty) isMust() bool { return strings.HasPrefix(d.level, "MUST") }

// ledgers are the RFCs that are held.
var ledgers = []struct {
	name, note string
	duties     []duty
}{
	{"RFC 9568, VRRP version 3 for IPv4 and IPv6",
		"The sentences are as public ledgers of the RFC quote them, errata 7949 and 8298 to 8301 included; *Active* is what this program calls *master*. Where a quotation was long it is cut at an ellipsis.",
		duties9568},
	{"RFC 3768, VRRP version 2",
		"The rules that version 3 has word for word are the same code; the tests of version 3 stand for both.",
		duties3768},
}

// TestLedger fails where a duty is held by nothing, or by a test that is not
// there, and where docs/rfc-ledger.md is not what the tables make.
func TestLedger(t *testing.T) {
	there := map[string]bool{}
	for _, folder := range []string{"vrrp", "vrrp/linux", "conf", "internal/director", "internal/host", "e2e/engine"} {
		for _, name := range testsIn(t, "../"+folder) {
			there[folder+"."+name] = true
		}
	}
	for _, l := range ledgers {
		for _, d := range l.duties {
			if !d.bound() {
				t.Errorf("%s, section %s: %q is held by nothing", l.name, d.section, d.text)
			}
			for _, name := range strings.Fields(d.obeyed + " " + d.refused) {
				if !there[name] {
					t.Errorf("%s, section %s: there is no test %s", l.name, d.section, name)
				}
			}
		}
	}
	got := ledgerText()
	if *updateLedger {
		if err := os.WriteFile(ledgerFile, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want, err := os.ReadFile(ledgerFile); err != nil || string(want) != got {
		t.Errorf("%s is not what the tables make now (%v): go test -run TestLedger -update ./vrrp", ledgerFile, err)
	}
}

// testsIn lists the test functions of a folder.
func testsIn(t *testing.T, folder string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(folder + "/*_test.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: no tests: %v", folder, err)
	}
	for _, path := range files {
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range f.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Test") {
				names = append(names, fn.Name.Name)
			}
		}
	}
	return names
}

// ledgerText is docs/rfc-ledger.md.
func ledgerText() string {
	var b strings.Builder
	b.WriteString("# What the RFCs demand, and what holds it\n\n" +
		"Every MUST, MUST NOT, SHOULD and SHOULD NOT, each with the test that shows it\n" +
		"obeyed and the one that shows its breach refused, or with a reason. Generated\n" +
		"from the tables that a test checks (`go test -run TestLedger ./vrrp`).\n")
	for _, l := range ledgers {
		var musts, both, one int
		for _, d := range l.duties {
			if !d.isMust() {
				continue
			}
			musts++
			switch {
			case d.obeyed != "" && d.refused != "":
				both++
			case d.obeyed != "":
				one++
			}
		}
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n", l.name, l.note)
		fmt.Fprintf(&b, "%d of %d MUSTs are tested both ways, %d one way with the reason why not the other, %d have a reason only.\n\n",
			both, musts, one, musts-both-one)
		b.WriteString("| § | | sentence | obeyed | breach refused | reason |\n|---|---|---|---|---|---|\n")
		for _, d := range l.duties {
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", d.section, d.level, d.text, listedTests(d.obeyed), listedTests(d.refused), d.reason)
		}
	}
	return b.String()
}

func listedTests(names string) string {
	var list []string
	for _, name := range strings.Fields(names) {
		list = append(list, "`"+name+"`")
	}
	return strings.Join(list, " ")
}
