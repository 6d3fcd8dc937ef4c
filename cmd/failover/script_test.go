package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"failover/internal/engine"
	"failover/internal/testenv"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"failover": main})
}

// TestScripts runs the command line as a user does: testdata/script/*.txtar.
// None of them reaches a daemon, or this machine's addresses and tables.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("RUNTIME_DIRECTORY", env.WorkDir+"/run")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"engine-runs": engineRuns,
			"exit":        exitCode,
		},
	})
}

// TestMachineScripts are those that change a machine: each in a network namespace
// of its own, which it makes with unshare.
func TestMachineScripts(t *testing.T) {
	testenv.NeedRoot(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/machine",
		RequireExplicitExec: true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"exit": exitCode},
	})
}

// engineRuns has the script's runtime directory taken, as a running engine does,
// until the script ends.
func engineRuns(ts *testscript.TestScript, _ bool, _ []string) {
	rt, err := engine.Claim(ts.Getenv("RUNTIME_DIRECTORY"))
	ts.Check(err)
	ts.Defer(rt.Release)
}

// exitCode runs a command that has to end with the code: exit 2 failover …
func exitCode(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: exit CODE COMMAND [ARG…]")
	}
	// A shell tells the code, which testscript's exec does not.
	shell := []string{"-c", `"$@"; code=$?; [ $code = ` + args[0] + ` ] || { echo "exit code $code" >&2; exit 1; }`, "sh"}
	ts.Check(ts.Exec("sh", append(shell, args[1:]...)...))
}
