package view

import (
	"fmt"
	"io"
	"text/tabwriter"

	"failover/internal/api"
)

// RealServer writes what a host is in the configuration, and whether it is set up
// for that.
func RealServer(out io.Writer, h api.RealServerHost) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "VIRTUAL SERVER\tREAL SERVER\tSERVICE\tADDRESS\tFORWARD\tGATEWAY")
	for _, r := range h.Roles {
		name, gateway := r.RealServer, r.Gateway
		if r.Sorry {
			name += " (sorry server)"
		}
		if gateway == "" {
			gateway = "-"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", r.VirtualServer, name, r.Service, r.Address, r.Forward, gateway)
	}
	if len(h.Settings) > 0 {
		fmt.Fprintln(w, "\nSETTING\tNAME\tSTATE")
	}
	for _, s := range h.Settings {
		state := s.Have
		if !s.OK && s.Want != "present" {
			state = fmt.Sprintf("%s, has to be %s", s.Have, s.Want)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", s.Kind, s.Name, state)
	}
	for _, note := range h.Notes {
		fmt.Fprintf(w, "\nnote: %s\n", note)
	}
	return w.Flush()
}
