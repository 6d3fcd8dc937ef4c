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
	if !mixed(actual) {
		ops = append(ops, daemons...)
		daemons = nil
	}
	have := index(actual.Services)
	want := index(desired.Services)
	ops = slices.Grow(ops, added(desired, have))
	for _, d := range inOrder(desired.Services) {
		if want[d.Key] == nil {
			continue // written twice: done already
		}
		a := have[d.Key]
		switch {
		case a == nil:
			ops = append(ops, serviceOp(AddService, d, "not in the table"))
		case !sameService(*a, d):
			ops = append(ops, serviceOp(SetService, d, serviceReason(*a, d)))
		}
		ops = append(ops, diffServers(d, a)...)
		want[d.Key] = nil
	}
	for _, a := range inOrder(actual.Services) {
		if _, wanted := want[a.Key]; !wanted && have[a.Key] != nil && owned.Has(a.Key) {
			ops = append(ops, serviceOp(DelService, a, "not wanted any more"))
			have[a.Key] = nil
		}
	}
	return append(ops, daemons...)
}

// added is about how many operations the services take that are not there.
func added(desired Table, have map[Key]*Service) (n int) {
	for _, d := range desired.Services {
		if have[d.Key] == nil {
			n += 1 + len(d.Servers)
		}
	}
	return n
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

// index finds services by key; of two with the same key the first counts.
func index(services []Service) map[Key]*Service {
	m := make(map[Key]*Service, len(services))
	for i := range services {
		if m[services[i].Key] == nil {
			m[services[i].Key] = &services[i]
		}
	}
	return m
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
