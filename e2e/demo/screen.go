package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"failover/e2e/lab"
)

// screen is the terminal of the demo: headings, prompts, what commands print,
// and at the end what was claimed.
type screen struct {
	out    io.Writer
	colour bool
	begun  time.Time
	acts   int
	claims []claim
}

// claim is one thing the demo promises.
type claim struct {
	holds        bool
	what, figure string
}

// newScreen writes to out. The terminal is at the far end of pipes, so whether it
// has colours is said by who started us.
func newScreen(out io.Writer) *screen {
	return &screen{out: out, begun: time.Now(), colour: os.Getenv("FAILOVER_DEMO_COLOUR") == "1"}
}

func (s *screen) paint(code, text string) string {
	if !s.colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s *screen) bold(text string) string { return s.paint("1", text) }
func (s *screen) dim(text string) string  { return s.paint("2", text) }

// act begins a part of the demo.
func (s *screen) act(title string) {
	s.acts++
	fmt.Fprintf(s.out, "\n%s\n\n", s.paint("1;36", fmt.Sprintf("%d. %s", s.acts, title)))
}

// say writes a line of the narrator.
func (s *screen) say(format string, args ...any) {
	fmt.Fprintln(s.out, s.dim("# "+fmt.Sprintf(format, args...)))
}

// show runs a command on a node, with its command line and output on the screen.
// A command that ends with a code other than 0 is no error.
func (s *screen) show(ctx context.Context, n *lab.Node, argv ...string) (out string, code int, err error) {
	fmt.Fprintf(s.out, "%s %s\n", s.dim(n.Name+" $"), s.bold(strings.Join(argv, " ")))
	out, err = n.Run(ctx, argv...)
	for line := range strings.Lines(out) {
		fmt.Fprintln(s.out, strings.TrimRight(line, " \n"))
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		code, err = exit.ExitCode(), nil
		s.say("exit code %d", code)
	}
	return out, code, err
}

// gap is an empty line.
func (s *screen) gap() { fmt.Fprintln(s.out) }

// claim checks a promise and says at once what came of it.
func (s *screen) claim(holds bool, what, format string, args ...any) {
	c := claim{holds, what, fmt.Sprintf(format, args...)}
	s.claims = append(s.claims, c)
	fmt.Fprintf(s.out, "%s %s: %s\n", s.mark(c), c.what, c.figure)
}

func (s *screen) mark(c claim) string {
	if c.holds {
		return s.paint("32", "✓")
	}
	return s.paint("31", "✗")
}

// verdict sums up. It is an error when a claim does not hold.
func (s *screen) verdict() error {
	width, broken := 0, 0
	for _, c := range s.claims {
		width = max(width, len([]rune(c.what)))
	}
	fmt.Fprintf(s.out, "\n%s\n\n", s.paint("1;36", "What was promised, and what was seen"))
	for _, c := range s.claims {
		pad := strings.Repeat(" ", width-len([]rune(c.what)))
		fmt.Fprintf(s.out, "%s %s%s  %s\n", s.mark(c), c.what, pad, c.figure)
		if !c.holds {
			broken++
		}
	}
	if broken > 0 {
		return fmt.Errorf("%d of %d promises were not kept", broken, len(s.claims))
	}
	fmt.Fprintf(s.out, "\nAll of it seen in %.0f s.\n", time.Since(s.begun).Seconds())
	return nil
}
