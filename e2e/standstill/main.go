// Command standstill runs a command that holds programs against the clock, and
// measures meanwhile for how long the machine itself stood still, as a virtual one
// does whose processor is given to others. A command that failed while that
// happened is run once more, and it says so; a failure on a machine that had its
// time counts. The figure is printed with every failure.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"failover/e2e/lab"
)

// excuse is the least standstill that excuses a failure: who takes over after
// three adverts of 100 ms does so, and rightly, beside a machine that stood still.
const excuse = 300 * time.Millisecond

func main() {
	limit := flag.Duration("limit", excuse, "standing still for longer excuses one failure")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: standstill [-limit D] COMMAND…")
		os.Exit(2)
	}
	if err := twice(os.Stderr, *limit, func() (time.Duration, error) { return run(flag.Args()) }); err != nil {
		fmt.Fprintln(os.Stderr, "standstill:", err)
		os.Exit(1)
	}
}

// twice does something that fails, once more if the machine stood still.
func twice(w io.Writer, limit time.Duration, do func() (time.Duration, error)) error {
	still, err := do()
	if err == nil {
		return nil
	}
	fmt.Fprintf(w, "standstill: failed; the machine stood still for %v at most\n", still.Round(time.Millisecond))
	if still <= limit {
		return err
	}
	fmt.Fprintf(w, "standstill: that is more than %v: once more\n", limit)
	_, err = do()
	return err
}

// run runs the command and tells for how long the machine stood still at most; 0
// where that cannot be measured, which excuses nothing.
func run(argv []string) (still time.Duration, err error) {
	stop, unable := lab.StandStill()
	if unable == nil {
		defer func() { still = stop() }()
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return 0, cmd.Run()
}
