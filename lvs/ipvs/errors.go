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
	return strings.TrimSpace(strings.ReplaceAll(kind, "-", " ") + " " + rest)
}

func meaning(op lvs.Op, err error) error {
	set := op.Kind == lvs.SetServer || op.Kind == lvs.DelServer
	service := op.Kind == lvs.AddService || op.Kind == lvs.SetService
	switch {
	case errors.Is(err, unix.EEXIST):
		return lvs.ErrExists
	case errors.Is(err, unix.ESRCH): // no such service, no such daemon
		return lvs.ErrNotFound
	case errors.Is(err, unix.ENOENT) && set:
		return lvs.ErrNotFound
	case errors.Is(err, unix.ENOENT) && service && op.Service.Engine != "":
		return fmt.Errorf("%w: %s (module ip_vs_%s), or no persistence engine %s (module ip_vs_pe_%s)",
			lvs.ErrScheduler, op.Service.Scheduler, op.Service.Scheduler, op.Service.Engine, op.Service.Engine)
	case errors.Is(err, unix.ENOENT) && service:
		return fmt.Errorf("%w: %s (module ip_vs_%s)", lvs.ErrScheduler, op.Service.Scheduler, op.Service.Scheduler)
	case errors.Is(err, unix.ENOENT):
		return errUnloaded(err)
	case errors.Is(err, unix.EAFNOSUPPORT):
		return fmt.Errorf("%w: %w", lvs.ErrNoIPv6, err)
	case errors.Is(err, unix.EOPNOTSUPP):
		return fmt.Errorf("%w: %w", lvs.ErrUnsupported, err)
	case errors.Is(err, unix.EINVAL):
		if why := refused(op); why != "" {
			return fmt.Errorf("%w: %s", err, why)
		}
	}
	return permission(err)
}

// refused says what "invalid argument" means for a value that was looked over
// before (ip_vs_ctl.c, ip_vs_genl_set_cmd and ip_vs_new_dest).
func refused(op lvs.Op) string {
	mixed := op.Server.Address.Addr().Is6() != op.Service.Key.Is6()
	switch op.Kind {
	case lvs.AddServer, lvs.SetServer:
		if mixed {
			return "a real server of another address family excludes connection synchronisation"
		}
		return "the address is none of a host, or link-local"
	case lvs.StartSync:
		return "a real server of another address family than its service excludes connection synchronisation"
	}
	return ""
}

// permission says what the right is called that is missing.
func permission(err error) error {
	if errors.Is(err, unix.EPERM) {
		return fmt.Errorf("%w: %w", lvs.ErrPermission, err)
	}
	return err
}

// errUnloaded: generic netlink answers "no such file" for a family that is gone.
func errUnloaded(err error) error {
	return fmt.Errorf("%w: it was unloaded: %w", lvs.ErrNoIPVS, err)
}
