package view

import (
	"fmt"
	"io"

	"failover/internal/api"
)

// Changes writes one line per change, "+ ~ -" first.
func Changes(w io.Writer, changes []api.Change) error {
	for _, c := range changes {
		line := c.Op + " " + c.Object
		if c.Detail != "" {
			line += ": " + c.Detail
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

// PairReloaded writes what changed on each director.
func PairReloaded(w io.Writer, r api.PairReloaded) error {
	for _, d := range r.Directors {
		if len(d.Changes) == 0 {
			if _, err := fmt.Fprintf(w, "%s: nothing to change\n", d.Name); err != nil {
				return err
			}
			continue
		}
		if _, err := fmt.Fprintf(w, "%s:\n", d.Name); err != nil {
			return err
		}
		if err := Changes(w, d.Changes); err != nil {
			return err
		}
	}
	return nil
}
