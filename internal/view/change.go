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
