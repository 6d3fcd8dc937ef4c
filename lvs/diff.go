package lvs

import (
	"fmt"
	"slices"
	"strings"
)

// Diff returns the operations that turn actual into desired, in the order to
// carry them out. It is pure.
//
// Services of actual that are neither desired nor in owned are foreign and never
// touched; one that is desired becomes ours and is corrected by the difference
// only. Whatever prefix of the operations is carried out, a service that has
// servers before and after has one at every moment: within a service additions
// come first, then weights that rise from 0, then other changes, then deletions;
// services that are not wanted are deleted last. Sync daemons come first, or where
// the kernel would refuse them, after the servers that they exclude.
func Diff(actual, desired Table, owned Owned) []Op {
	ops := diffTimeouts(actual.Timeouts, desired.Timeouts)
	daemons := diffSync(actual.Sync, desired.Sync, owned)
	if len(daemons) > 0 && !mixed(actual) {
		ops = append(ops, daemons...)
		daemons = nil
	}
	have, want := inOrder(actual.Services), inOrder(desired.Services)
	if len(have) == 0 {
		ops = slices.Grow(ops, entries(want))
	}
	var gone []Op
	for len(have)+len(want) > 0 {
		switch {
		case len(want) == 0, len(have) > 0 && have[0].Key.Compare(want[0].Key) < 0:
			if owned.Has(have[0].Key) {
				gone = append(gone, serviceOp(DelService, have[0], "not wanted any more"))
			}
			have = afterFirst(have)
			continue
		case len(have) == 0 || have[0].Key != want[0].Key:
			ops = append(ops, serviceOp(AddService, want[0], "not in the table"))
			ops = append(ops, diffServers(&want[0], nil)...)
		default:
			if !sameService(have[0], want[0]) {
				ops = append(ops, serviceOp(SetService, want[0], serviceReason(have[0], want[0])))
			}
			ops = append(ops, diffServers(&want[0], &have[0])...)
			have = afterFirst(have)
		}
		want = afterFirst(want)
	}
	return append(append(ops, gone...), daemons...)
}

// entries is how many services and servers there are.
func entries(services []Service) (n int) {
	for i := range services {
		n += 1 + len(services[i].Servers)
	}
	return n
}

// afterFirst is what follows the first service; of several with its key the first
// counts.
func afterFirst(services []Service) []Service {
	n := 1
	for n < len(services) && services[n].Key == services[0].Key {
		n++
	}
	return services[n:]
}

// mixed tells whether a server is of another family than its service. The kernel
// starts no sync daemon then, and takes no such server beside one (ip_vs_ctl.c).
func mixed(t Table) bool {
	return slices.ContainsFunc(t.Services, func(s Service) bool {
		return slices.ContainsFunc(s.Servers, func(r Server) bool { return r.Address.Addr().Is6() != s.Key.Is6() })
	})
}

// inOrder returns the services in order of their keys.
func inOrder(services []Service) []Service {
	byKey := func(a, b Service) int { return a.Key.Compare(b.Key) }
	if slices.IsSortedFunc(services, byKey) {
		return services
	}
	return slices.SortedStableFunc(slices.Values(services), byKey)
}

func serviceOp(kind OpKind, s Service, reason string) Op {
	s.Servers = nil
	return Op{Kind: kind, Service: s, Reason: reason}
}

// normal takes out what means nothing without persistence.
func normal(s Service) Service {
	if s.Flags&FlagPersistent == 0 {
		s.Timeout, s.Mask = 0, 0
	}
	s.Servers = nil
	return s
}

func sameService(a, b Service) bool {
	a, b = normal(a), normal(b)
	return a.Scheduler == b.Scheduler && a.Flags == b.Flags && a.Timeout == b.Timeout &&
		a.Mask == b.Mask && a.Engine == b.Engine
}

// serviceReason says what of a service changes.
func serviceReason(a, d Service) string {
	a, d = normal(a), normal(d)
	var why []string
	if a.Scheduler != d.Scheduler {
		why = append(why, fmt.Sprintf("scheduler %s, was %s", d.Scheduler, a.Scheduler))
	}
	if a.Flags != d.Flags {
		why = append(why, fmt.Sprintf("flags %s, were %s", flagsText(d), flagsText(a)))
	}
	if a.Timeout != d.Timeout {
		why = append(why, fmt.Sprintf("persistence %d s, was %d s", d.Timeout, a.Timeout))
	}
	if a.Mask != d.Mask {
		why = append(why, fmt.Sprintf("persistence mask %s, was %s", maskName(d), maskName(a)))
	}
	if a.Engine != d.Engine {
		why = append(why, fmt.Sprintf("persistence engine %q, was %q", d.Engine, a.Engine))
	}
	return strings.Join(why, "; ")
}

func flagsText(s Service) string {
	names := FlagNames(s.Scheduler, s.Flags)
	if s.Flags&FlagOnePacket != 0 {
		names = append(names, "one-packet")
	}
	if s.Flags&FlagPersistent != 0 {
		names = append(names, "persistent")
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ",")
}

func maskName(s Service) string {
	if s.Mask == 0 {
		return "none"
	}
	return maskText(s)
}
