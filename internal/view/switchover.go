package view

import (
	"cmp"
	"fmt"
	"io"

	"failover/internal/api"
)

// Switched says what came of a switchover, a line for each group.
func Switched(w io.Writer, s api.Switched) error {
	for _, g := range s.Groups {
		text := fmt.Sprintf("%s: master is %s", g.Group, cmp.Or(g.Master, "not known here"))
		if g.Preferred != "" {
			text += fmt.Sprintf(", preferred while it is healthy: %s", g.Preferred)
		} else {
			text += ", nobody is preferred"
		}
		if _, err := fmt.Fprintln(w, text); err != nil {
			return err
		}
	}
	for _, note := range s.Notes {
		if _, err := fmt.Fprintf(w, "note: %s\n", note); err != nil {
			return err
		}
	}
	return nil
}
