package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"

	"failover/e2e/compare"
)

// section is one part of the page.
type section struct {
	part, title, text string
	table             compare.Table
}

func sections() []section {
	return []section{
		{partGap, "What a client loses", `A client sends a datagram every 0.5 ms to the virtual address; whoever has it answers from it. *Gap* is the longest time between
the sending of two datagrams that were answered, with others between them that were not; *lost* are those. *The client's own
pause* is the longest time between two datagrams: a gap beside it may be longer by that much. Median / 99th percentile / maximum. The link is
cut just after an advert, the worst moment. Both systems are started again by the service manager, neither director forwards.`, gapTable()},
		{partFalse, "False take-overs", `Adverts every 10 ms, and busy processes on all processors: how often the backup became master, by who sends adverts. *Late* is by how
much longer than 10 ms it was from one advert of the master to the next, on its interface. A *bare thread* with real-time priority
does nothing but wake up every 10 ms, at the same time: it tells what the machine allows. failover runs its engine with real-time priority by
default, keepalived runs as its package has it.`, busyTable()},
		{partLate, "Late adverts while the configuration is read again", `The same, with both directors told ten times a second to read their files again (SIGHUP).`, busyTable()},
		{partLoad, "1 020 virtual routers", `255 routers on each of four interfaces, each of them on its own, adverts every 100 ms. Processor time of all processes of the service;
resident memory is the sum over them, shared pages counted in each.`, loadTable()},
	}
}

// report prints the tables, and writes them with their circumstances.
func (b *bench) report() error {
	var page bytes.Buffer
	if err := b.page(&page); err != nil {
		return err
	}
	for _, s := range sections() {
		rows := b.rows.Part(s.part)
		if len(rows) == 0 {
			continue
		}
		fmt.Println()
		if err := s.table.Print(os.Stdout, s.table.Lines(rows)); err != nil {
			return err
		}
	}
	fmt.Println()
	for _, t := range targets(b.rows) {
		fmt.Printf("%s: %s\n", t.word(), t.name)
		for _, m := range t.missed {
			fmt.Printf("  %s\n", m)
		}
	}
	if b.write == "" {
		return nil
	}
	return os.WriteFile(b.write, page.Bytes(), 0o644)
}

func (t target) word() string {
	if t.met {
		return "met"
	}
	return "missed"
}

// page is the whole file.
func (b *bench) page(w io.Writer) error {
	if len(b.rows.Rows) == 0 {
		return fmt.Errorf("%s has no results", b.results)
	}
	fmt.Fprintf(w, "# The election beside keepalived\n\n")
	fmt.Fprintf(w, "The same events, done to failover and to keepalived in alternation, on this\nmachine's own kernel in network namespaces: two directors with two virtual\nrouters that move together, at 1 s, 100 ms and 10 ms. Made by\n`scripts/bench-vrrp`.\n\n")
	if err := compare.Circumstances(w, b.rows.Rows, ""); err != nil {
		return err
	}
	fmt.Fprintf(w, "\n## Targets\n\n")
	for _, t := range targets(b.rows) {
		fmt.Fprintf(w, "- **%s**: %s\n", t.word(), t.name)
		for _, m := range t.missed {
			fmt.Fprintf(w, "  - %s\n", m)
		}
		if !t.met && t.why != "" {
			fmt.Fprintf(w, "\n  %s\n", t.why)
		}
	}
	for _, s := range sections() {
		rows := b.rows.Part(s.part)
		if len(rows) == 0 {
			continue
		}
		fmt.Fprintf(w, "\n## %s\n\n%s\n\n", s.title, strings.TrimSpace(s.text))
		if err := s.table.Markdown(w, s.table.Lines(rows)); err != nil {
			return err
		}
	}
	return nil
}
