// Command chaosreport writes the results of scripts/chaos: to standard output for
// people, and into docs/chaos.md.
//
//	chaosreport -results FOLDER -write docs/chaos.md
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"

	"failover/e2e/chaos"
	"failover/e2e/compare"
)

func main() {
	results := flag.String("results", "", "`folder` of the results")
	write := flag.String("write", "", "`file` with the table's place; none: standard output only")
	flag.Parse()
	if err := run(*results, *write); err != nil {
		fmt.Fprintln(os.Stderr, "chaosreport: error:", err)
		os.Exit(1)
	}
}

func run(dir, file string) error {
	if dir == "" {
		return errors.New("-results names no folder")
	}
	r, err := compare.Open(dir)
	if err != nil {
		return err
	}
	rows := r.Part(chaos.Part)
	if len(rows) == 0 {
		return fmt.Errorf("%s has no results", dir)
	}
	if err := chaos.Print(os.Stdout, rows); err != nil || file == "" {
		return err
	}
	page, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if page, err = chaos.Write(page, rows); err != nil {
		return err
	}
	return os.WriteFile(file, page, 0o644)
}
