// Command bench writes the table of a comparison: to standard output for people,
// and with its circumstances into a file of the project.
//
//	bench -results FOLDER -write docs/bench-pair.md
package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"failover/e2e/compare"
)

func main() {
	results := flag.String("results", "", "`folder` of the results")
	write := flag.String("write", "", "`file` for the table; none: standard output only")
	flag.Parse()
	if err := run(*results, *write); err != nil {
		fmt.Fprintln(os.Stderr, "bench: error:", err)
		os.Exit(1)
	}
}

func run(dir, file string) error {
	r, err := compare.Open(dir)
	if err != nil {
		return err
	}
	if len(r.Rows) == 0 {
		return fmt.Errorf("%s has no results", dir)
	}
	lines := compare.Lines(r.Rows, "failover")
	if err := compare.Text(os.Stdout, lines, "failover", "keepalived"); err != nil {
		return err
	}
	worse := compare.Worse(lines)
	for _, w := range worse {
		fmt.Println("worse:", w)
	}
	if file == "" {
		return nil
	}
	var page bytes.Buffer
	if err := document(&page, r.Rows, lines, worse); err != nil {
		return err
	}
	return os.WriteFile(file, page.Bytes(), 0o644)
}

// document is the whole file.
func document(w io.Writer, rows []compare.Row, lines []compare.Line, worse []string) error {
	last := rows[len(rows)-1]
	fmt.Fprintf(w, "# The pair beside keepalived\n\n")
	fmt.Fprintf(w, "The same events, done to failover and to keepalived in alternation on the same\nnetwork: two directors, two web servers, NAT, connection sync, a fresh HTTP\nrequest every 40 ms and twenty held connections older than five seconds. The links\nare cut just after an advert, which is the worst moment.\n\n")
	fmt.Fprintf(w, "- date: %s\n- commit: %s\n- machine: %s, %d processors; lab on Linux %s\n- keepalived: %s\n\n",
		last.Time.Format(time.DateOnly), said("git", "describe", "--always", "--dirty", "--abbrev=12"), processor(), runtime.NumCPU(), last.Kernel, version())
	fmt.Fprintf(w, "Median / maximum. *Gap* is the longest time without an answered request, *stall*\nthe longest exchange on a held connection that survived; half of the held\nconnections are those of the web server that is killed. A lab in an emulated\nmachine is 10–20 times slower than a real one: compare, do not quote. Made by\n`scripts/bench-pair`.\n\n")
	if err := compare.Markdown(w, lines, "failover", "keepalived"); err != nil {
		return err
	}
	if len(worse) == 0 {
		_, err := fmt.Fprintf(w, "\nNo median of failover is worse than keepalived's by more than a quarter, or 0.25 s.\n")
		return err
	}
	_, err := fmt.Fprintf(w, "\nWorse than keepalived:\n\n- %s\n", strings.Join(worse, "\n- "))
	return err
}

// said is what a program prints, without its line end.
func said(argv ...string) string {
	out, err := exec.Command(argv[0], argv[1:]...).Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

func version() string {
	out, _ := exec.Command("keepalived", "--version").CombinedOutput()
	line, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimSpace(line)
}

func processor() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}
