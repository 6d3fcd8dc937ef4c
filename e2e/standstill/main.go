// Command standstill runs a "go test" that holds programs against the clock, and
// measures meanwhile for how long the machine itself stood still, as a virtual one
// does whose processor is given to others. What failed while that happened is run
// once more, alone where the failed tests have names, and it says so; a failure on
// a machine that had its time counts. The figure is printed with every failure.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"

	"failover/e2e/lab"
)

func main() {
	limit := flag.Duration("limit", lab.Excuse, "standing still for longer excuses one failure")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: standstill [-limit D] go test…")
		os.Exit(2)
	}
	do := func(more ...string) (outcome, error) { return run(os.Stdout, append(flag.Args(), more...)) }
	if err := twice(os.Stderr, *limit, do); err != nil {
		fmt.Fprintln(os.Stderr, "standstill:", err)
		os.Exit(1)
	}
}

// outcome is what a run tells besides its error.
type outcome struct {
	still time.Duration // at most
	tests []string      // that failed; none where something failed without a name
}

// twice does something that fails, once more if the machine stood still.
func twice(w io.Writer, limit time.Duration, do func(more ...string) (outcome, error)) error {
	first, err := do()
	if err == nil {
		return nil
	}
	fmt.Fprintf(w, "standstill: failed; the machine stood still for %v at most\n", first.still.Round(time.Millisecond))
	if first.still <= limit {
		return err
	}
	var only []string
	if len(first.tests) > 0 {
		only = []string{"-parallel", "1", "-run", "^(" + strings.Join(first.tests, "|") + ")$"}
	}
	fmt.Fprintf(w, "standstill: that is more than %v: once more %s\n", limit, strings.Join(only, " "))
	second, err := do(only...)
	if err != nil {
		fmt.Fprintf(w, "standstill: failed again; the machine stood still for %v at most\n", second.still.Round(time.Millisecond))
	}
	return err
}

// run runs the command with its output on w.
func run(w io.Writer, argv []string) (o outcome, err error) {
	begin := time.Now()
	// Where it cannot be measured nothing is excused.
	watch, _ := lab.WatchStandstills()
	defer watch.Close()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return o, err
	}
	if err := cmd.Start(); err != nil {
		return o, err
	}
	tests, unread := failed(io.TeeReader(out, w))
	err = errors.Join(unread, cmd.Wait())
	return outcome{watch.Longest(begin), tests}, err
}

// failedTest is how "go test" names a test that failed.
var failedTest = regexp.MustCompile(`^--- FAIL: (\S+) `)

// failed reads the output of "go test" to its end and returns the tests that
// failed; none where a package failed without naming one, as one that does not
// build or comes to its time limit.
func failed(r io.Reader) (tests []string, err error) {
	nameless, named := false, false
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadString('\n')
		switch m := failedTest.FindStringSubmatch(line); {
		case m != nil:
			tests, named = append(tests, m[1]), true
		case strings.HasPrefix(line, "panic: "):
			nameless = true
		case strings.HasPrefix(line, "FAIL\t"):
			nameless, named = nameless || !named, false
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read the output: %w", err)
		}
	}
	if nameless {
		return nil, nil
	}
	slices.Sort(tests)
	return slices.Compact(tests), nil
}
