//go:build linux

package ipvs

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"failover/lvs"
)

// opError names the operation and its subject, and puts one of lvs's errors in
// the place of the kernel's number where a caller tells them apart
// (net/netfilter/ipvs/ip_vs_ctl.c, ip_vs_sync.c).
func opError(op lvs.Op, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("ipvs: %s: %w", subject(op), meaning(op, err))
}

// subject writes "add server -t 172.20.10.4:80 -r 192.168.33.92:80".
func subject(op lvs.Op) string {
	kind, rest, _ := strings.Cut(op.String(), " ")
	return strings.ReplaceAll(kind, "-", " ") + " " + rest
}

func meaning(op lvs.Op, err error) error {
	server := op.Kind == lvs.AddServer || op.Kind == lvs.SetServer || op.Kind == lvs.DelServer
	switch {
	case errors.Is(err, unix.EEXIST):
		return lvs.ErrExists
	case errors.Is(err, unix.ESRCH): // no such service, no such daemon
		return lvs.ErrNotFound
	case errors.Is(err, unix.ENOENT) && server:
		return lvs.ErrNotFound
	case errors.Is(err, unix.ENOENT) && op.Service.Engine != "":
		return fmt.Errorf("%w: %s, or no persistence engine %s", lvs.ErrScheduler, op.Service.Scheduler, op.Service.Engine)
	case errors.Is(err, unix.ENOENT):
		return fmt.Errorf("%w: %s", lvs.ErrScheduler, op.Service.Scheduler)
	}
	return err
}
