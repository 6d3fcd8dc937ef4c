package view

import (
	"fmt"
	"io"

	"failover/internal/api"
)

// Restarted says what came of a restart in place.
func Restarted(w io.Writer, r api.Restarted) error {
	version := "version " + r.Version
	if r.Before != r.Version {
		version += ", before " + r.Before
	}
	_, err := fmt.Fprintf(w, "restarted: main process %d, %s\n", r.PID, version)
	return err
}
