package lvs

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
)

// Format writes the services in the form of `ipvsadm -Sn`, in the order given.
// With [Sorted] that is what Debian 12's ipvsadm prints, with two exceptions:
// thresholds are written (-x, -y), because a rule without them is another rule,
// and addresses more than half the address space apart stand in their true
// order (ipvsadm's comparison overflows). Sync daemons have no such form.
func Format(t Table) string {
	var b strings.Builder
	for _, s := range t.Services {
		key := s.Key.String()
		formatService(&b, key, s)
		for _, r := range s.Servers {
			formatServer(&b, key, r)
		}
	}
	return b.String()
}

// Sorted returns a copy with the services in order of their keys, the servers
// of each in order of their addresses, and the sync daemons in order of role.
// Where the sequence of servers means something it is lost: see [Digest].
func Sorted(t Table) Table {
	out := canonical(t)
	for i := range out.Services {
		slices.SortStableFunc(out.Services[i].Servers, func(a, b Server) int { return a.Address.Compare(b.Address) })
	}
	return out
}

// Canonical returns a copy as directors that distribute alike have it in common:
// services in order of their keys, the servers of each in order of their
// addresses, or in their own sequence where [OrderMatters].
func Canonical(t Table) Table {
	out := canonical(t)
	for _, s := range out.Services {
		if !OrderMatters(s.Scheduler) {
			slices.SortStableFunc(s.Servers, func(a, b Server) int { return a.Address.Compare(b.Address) })
		}
	}
	return out
}

// canonical returns a copy with services and sync daemons sorted and the
// servers of each service as they were.
func canonical(t Table) Table {
	out := Table{Services: slices.Clone(t.Services), Sync: slices.Clone(t.Sync)}
	for i := range out.Services {
		out.Services[i].Servers = slices.Clone(out.Services[i].Servers)
	}
	slices.SortStableFunc(out.Services, func(a, b Service) int { return a.Key.Compare(b.Key) })
	slices.SortStableFunc(out.Sync, func(a, b Sync) int { return strings.Compare(string(a.Role), string(b.Role)) })
	return out
}

func formatService(b *strings.Builder, key string, s Service) {
	fmt.Fprintf(b, "-A %s -s %s", key, s.Scheduler)
	if s.Flags&FlagPersistent != 0 {
		fmt.Fprintf(b, " -p %d", s.Timeout)
		if s.Mask != 0 {
			fmt.Fprintf(b, " -M %s", maskText(s))
		}
	}
	if s.Engine != "" {
		fmt.Fprintf(b, " --pe %s", s.Engine)
	}
	if s.Flags&FlagOnePacket != 0 {
		b.WriteString(" -o")
	}
	if names := FlagNames(s.Scheduler, s.Flags); len(names) > 0 {
		fmt.Fprintf(b, " -b %s", strings.Join(names, ","))
	}
	b.WriteByte('\n')
}

func formatServer(b *strings.Builder, key string, r Server) {
	for _, word := range [...]string{"-a ", key, " -r ", r.Address.String(), " ", forwardOption(r.Forward), " -w ", strconv.Itoa(r.Weight)} {
		b.WriteString(word)
	}
	if r.Upper != 0 {
		fmt.Fprintf(b, " -x %d", r.Upper)
	}
	if r.Lower != 0 {
		fmt.Fprintf(b, " -y %d", r.Lower)
	}
	if r.Forward == TUN {
		b.WriteString(tunnelText(r.Tunnel))
	}
	b.WriteByte('\n')
}

// maskText writes a persistence mask: dotted for IPv4, a length for IPv6.
func maskText(s Service) string {
	switch {
	case s.Mask == MaskOther:
		return "other"
	case s.Key.Is6():
		return fmt.Sprint(s.Mask)
	}
	return net.IP(net.CIDRMask(int(s.Mask), 32)).String()
}

// flagBits are the scheduler flags in the order ipvsadm prints them.
var flagBits = [...]uint32{FlagSched1, FlagSched2, FlagSched3}

// FlagNames names the scheduler flags that are set, as ipvsadm -b takes them.
func FlagNames(scheduler string, flags uint32) []string {
	var names []string
	for i, bit := range flagBits {
		if flags&bit != 0 {
			names = append(names, flagName(scheduler, i))
		}
	}
	return names
}

// SchedulerFlag is the flag that a scheduler calls by this name: "mh-port", or
// "flag-2" for every scheduler.
func SchedulerFlag(scheduler, name string) (flag uint32, ok bool) {
	for i, bit := range flagBits {
		if name == flagName(scheduler, i) || name == flagName("", i) {
			return bit, true
		}
	}
	return 0, false
}

// flagName names the scheduler flag number i (from 0).
func flagName(scheduler string, i int) string {
	if scheduler == "sh" || scheduler == "mh" {
		switch i {
		case 0:
			return scheduler + "-fallback"
		case 1:
			return scheduler + "-port"
		}
	}
	return fmt.Sprintf("flag-%d", i+1)
}

func forwardOption(f Forward) string {
	switch f {
	case NAT:
		return "-m"
	case TUN:
		return "-i"
	}
	return "-g"
}

// tunnelTypes and tunnelChecksums are the kernel's numbers by ipvsadm's names.
var (
	tunnelTypes     = []string{"ipip", "gue", "gre"}
	tunnelChecksums = []string{"--tun-nocsum", "--tun-csum", "--tun-remcsum"}
)

func tunnelText(t Tunnel) string {
	if int(t.Type) >= len(tunnelTypes) {
		return fmt.Sprintf(" --tun-type %d", t.Type)
	}
	text := " --tun-type " + tunnelTypes[t.Type]
	if t.Port != 0 {
		text += fmt.Sprintf(" --tun-port %d", t.Port)
	}
	if t.Type != TunnelIPIP && int(t.Flags) < len(tunnelChecksums) {
		text += " " + tunnelChecksums[t.Flags]
	}
	return text
}
