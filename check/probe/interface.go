package probe

import (
	"context"
	"errors"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"failover/check"
)

// link looks at an interface of this machine: it passes while the interface is
// there, is up, and has a carrier under it.
type link struct{}

// Probe asks the kernel, which answers at once.
func (link) Probe(ctx context.Context, s check.Spec) check.Result {
	if ctx.Err() != nil {
		return broken(ctx, s, ctx.Err(), "asking for "+s.Object)
	}
	l, err := netlink.LinkByName(s.Object)
	if missing := (netlink.LinkNotFoundError{}); errors.As(err, &missing) {
		return failed("%s is not there", s.Object)
	}
	if err != nil {
		return failed("ask for %s: %v", s.Object, err)
	}
	flags := l.Attrs().RawFlags
	switch {
	case l.Attrs().Name != s.Object:
		// The kernel finds an interface by an alternative name too. The election does
		// not, and what one word means shall not depend on who reads it.
		return failed("%s is another name of %s", s.Object, l.Attrs().Name)
	case flags&unix.IFF_UP == 0:
		return failed("%s is down", s.Object)
	case flags&unix.IFF_LOWER_UP == 0 || flags&unix.IFF_RUNNING == 0:
		// The cable, and what runs over it (RFC 2863: 802.1X, LACP, a bridge's state).
		return failed("%s has no carrier", s.Object)
	}
	return passed(s.Object + " is up")
}
