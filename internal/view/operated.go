package view

import (
	"fmt"
	"io"
	"strings"

	"failover/internal/api"
)

// Operated says what came of the operator's word, a line for each service.
func Operated(w io.Writer, o api.Operated) error {
	for _, s := range o.Services {
		if _, err := fmt.Fprintf(w, "%s %s, %s: %s\n", o.VirtualServer, o.RealServer, s.Service, Standing(s.RealServer)); err != nil {
			return err
		}
	}
	for _, note := range o.Notes {
		if _, err := fmt.Fprintf(w, "note: %s\n", note); err != nil {
			return err
		}
	}
	if o.Quorum == "up" {
		return nil
	}
	_, err := fmt.Fprintf(w, "%s is below its quorum\n", o.VirtualServer)
	return err
}

// Standing says in a line how a real server stands in one service: the operator's
// word, the kernel's weight, and what it has left.
func Standing(rs api.RealServer) string {
	words := []string{"kernel weight " + kernelWeight(rs)}
	if rs.KernelWeight == nil {
		words[0] = "out of the table"
	}
	if op := operatorWord(rs); op != "-" {
		words = append([]string{op}, words...)
	}
	if rs.Check != "up" {
		words = append(words, "check "+checkWord(rs))
	}
	return strings.Join(append(words, LeftIn(rs)...), ", ")
}

// LeftIn is what a real server has left, in words; nothing where it has nothing.
func LeftIn(rs api.RealServer) (words []string) {
	for _, left := range []struct {
		n    uint32
		what string
	}{{rs.ActiveConnections, "active"}, {rs.InactiveConnections, "inactive"}} {
		if left.n > 0 {
			words = append(words, fmt.Sprintf("%d %s connections", left.n, left.what))
		}
	}
	if rs.PersistentClients > 0 {
		words = append(words, fmt.Sprintf("%d persistent clients", rs.PersistentClients))
	}
	return words
}
