//go:build linux

package ipvs

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"failover/lvs"
)

// TestErrorsHaveAMeaning: what the kernel's number means for the operation, with
// the operation and its object named once.
func TestErrorsHaveAMeaning(t *testing.T) {
	service := lvs.Service{Key: key("[2001:db8::4]:80"), Scheduler: "maglev"}
	sip := service
	sip.Engine = "sip"
	server := lvs.Server{Address: netip.MustParseAddrPort("192.0.2.1:80"), Forward: lvs.TUN}
	add := lvs.Op{Kind: lvs.AddService, Service: service}
	for _, c := range []struct {
		op    lvs.Op
		errno error
		is    error
		text  string
	}{
		{add, unix.ENOENT, lvs.ErrScheduler, "ipvs: add service -t [2001:db8::4]:80: the kernel has no such scheduler: maglev (module ip_vs_maglev)"},
		{lvs.Op{Kind: lvs.SetService, Service: sip}, unix.ENOENT, lvs.ErrScheduler,
			"ipvs: set service -t [2001:db8::4]:80: the kernel has no such scheduler: maglev (module ip_vs_maglev), or no persistence engine sip (module ip_vs_pe_sip)"},
		{add, unix.EAFNOSUPPORT, lvs.ErrNoIPv6, "ipvs: add service -t [2001:db8::4]:80: the kernel's IPv6 is off: address family not supported by protocol"},
		{add, unix.EPERM, lvs.ErrPermission, "ipvs: add service -t [2001:db8::4]:80: CAP_NET_ADMIN is missing: operation not permitted"},
		{lvs.Op{Kind: lvs.DelService, Service: service}, unix.ENOENT, lvs.ErrNoIPVS,
			"ipvs: del service -t [2001:db8::4]:80: the kernel has no IPVS (module ip_vs): it was unloaded: no such file or directory"},
		{lvs.Op{Kind: lvs.AddServer, Service: service, Server: server}, unix.EINVAL, unix.EINVAL,
			"ipvs: add server -t [2001:db8::4]:80 -r 192.0.2.1:80: invalid argument: a real server of another address family excludes connection synchronisation"},
		{lvs.Op{Kind: lvs.SetTimeouts, Timeouts: lvs.Timeouts{TCP: 900}}, unix.EOPNOTSUPP, lvs.ErrUnsupported,
			"ipvs: set timeouts tcp 900 s: the kernel's IPVS does not know this: operation not supported"},
		{lvs.Op{Kind: lvs.Zero}, unix.EPERM, lvs.ErrPermission, "ipvs: zero: CAP_NET_ADMIN is missing: operation not permitted"},
		{add, unix.ENOMEM, unix.ENOMEM, "ipvs: add service -t [2001:db8::4]:80: cannot allocate memory"},
	} {
		err := opError(c.op, c.errno)
		if !errors.Is(err, c.is) || err.Error() != c.text {
			t.Errorf("got  %v\nwant %s", err, c.text)
		}
	}
	if err := readError(unix.EPERM); !errors.Is(err, lvs.ErrPermission) {
		t.Errorf("a table that may not be read: %v", err)
	}
}

// TestWhatIsAskedAgain: a dump of which something was lost, never a change.
func TestWhatIsAskedAgain(t *testing.T) {
	for _, c := range []struct {
		err   error
		flags int
		want  bool
	}{
		{nl.ErrDumpInterrupted, unix.NLM_F_DUMP, true},
		{fmt.Errorf("receive: %w", unix.ENOBUFS), unix.NLM_F_DUMP, true},
		{unix.ENOBUFS, unix.NLM_F_ACK, false},
		{unix.EPERM, unix.NLM_F_DUMP, false},
	} {
		if got := again(c.err, c.flags); got != c.want {
			t.Errorf("%v with flags %#x: %t", c.err, c.flags, got)
		}
	}
}
