package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestEveryCommandHasAnExample walks all commands, hidden ones too.
func TestEveryCommandHasAnExample(t *testing.T) {
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		if cmd.Name() == "no-help" {
			return
		}
		if cmd.Example == "" || cmd.Short == "" {
			t.Errorf("%s: short %q, example %q", cmd.CommandPath(), cmd.Short, cmd.Example)
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk((&cli{}).root())
}

// TestWrongUsage: exit code 2, one error and one hint that names the command.
func TestWrongUsage(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"statsu", "error: unknown command \"statsu\"\nfailover: hint: did you mean status? see failover --help"},
		{"status --frob", "error: unknown flag: --frob\nfailover: hint: see failover status --help"},
		{"status --socket", "error: flag needs an argument: --socket\nfailover: hint: see failover status --help"},
		{"run extra", "error: run takes no argument, got \"extra\"\nfailover: hint: see failover run --help"},
		{"validate a b", "error: validate takes one argument at most, got a second, \"b\"\nfailover: hint: see failover validate --help"},
		{"director", "error: director has no line to an engine\nfailover: hint: failover run starts it"},
	} {
		var out, errs strings.Builder
		code := run(strings.Fields(c.args), &out, &errs)
		if want := "failover: " + c.want + "\n"; code != exitUsage || errs.String() != want || out.Len() > 0 {
			t.Errorf("%s: exit code %d\n%s%swant\n%s", c.args, code, out.String(), errs.String(), want)
		}
	}
}
