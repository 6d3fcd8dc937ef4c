// Command bench writes the table of a comparison: to standard output for people,
// and with its circumstances into a file of the project.
//
//	bench -results FOLDER -write docs/bench-pair.md
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

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
	table := compare.Pair()
	lines := table.Lines(r.Rows)
	if err := table.Print(os.Stdout, lines); err != nil {
		return err
	}
	worse := table.Worse(lines)
	for _, w := range worse {
		fmt.Println("worse:", w)
	}
	if file == "" {
		return nil
	}
	var page bytes.Buffer
	if err := document(&page, r.Rows, table, lines); err != nil {
		return err
	}
	return os.WriteFile(file, page.Bytes(), 0o644)
}

// document is the whole file.
func document(w io.Writer, rows []compare.Row, table compare.Table, lines []compare.Line) error {
	fmt.Fprintf(w, "# The pair beside keepalived\n\n")
	fmt.Fprintf(w, "The same events, done to failover and to keepalived in alternation on the same\nnetwork: two directors, two web servers, NAT, connection sync, a fresh HTTP\nrequest every 40 ms and twenty held connections older than five seconds. The links\nare cut just after an advert, which is the worst moment.\n\n")
	if err := compare.Circumstances(w, rows, "lab on "); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nMedian / maximum. *Gap* is the longest time without an answered request, *stall*\nthe longest exchange on a held connection that survived; half of the held\nconnections are those of the web server that is killed. A lab in an emulated\nmachine is 10–20 times slower than a real one: compare, do not quote. Made by\n`scripts/bench-pair`.\n\n")
	if err := table.Markdown(w, lines); err != nil {
		return err
	}
	worse := table.Worse(lines)
	if len(worse) == 0 {
		_, err := fmt.Fprintf(w, "\nNo median of failover is worse than keepalived's by more than a quarter, or 0.25 s.\n")
		return err
	}
	_, err := fmt.Fprintf(w, "\nWorse than keepalived:\n\n- %s\n", strings.Join(worse, "\n- "))
	return err
}
