package view

import (
	"fmt"
	"io"
	"strings"

	"failover/internal/api"
)

// Maintained says what came of maintenance.
func Maintained(w io.Writer, m api.Maintained) error {
	text := "not in maintenance"
	switch {
	case m.On:
		text = "in maintenance: it does not become master"
	case len(m.MasterOf) > 0:
		text += ", master of " + strings.Join(m.MasterOf, ", ")
	}
	_, err := fmt.Fprintln(w, text)
	return err
}
