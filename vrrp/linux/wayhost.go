package linux

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"failover/vrrp"
)

// kinds are the kernel's numbers (rtnetlink.h, RTN_…).
var kinds = map[vrrp.RouteType]int{
	"": unix.RTN_UNICAST, vrrp.Blackhole: unix.RTN_BLACKHOLE,
	vrrp.Unreachable: unix.RTN_UNREACHABLE, vrrp.Prohibit: unix.RTN_PROHIBIT,
}

// scopeOf is the scope that the kernel gives a route of IPv4; a written one, else
// that of where it ends, as ip(8) has it.
func scopeOf(r vrrp.Route) int {
	if r.Scope == "" && r.Type == "" && !r.Via.IsValid() {
		return unix.RT_SCOPE_LINK
	}
	return scopes[r.Scope]
}

// setWays makes the machine have the routes and rules of o, and of the group no
// others. Where there are and were none it asks the kernel nothing.
func (h *Host) setWays(o vrrp.Owned) error {
	if len(o.Routes)+len(o.Rules) == 0 && h.ways.held.of(o.Group).count() == 0 {
		return nil
	}
	wanted, errs := h.resolveWays(o)
	there, err := h.waysThere()
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	c := decideWays(o.Group, wanted, o.Rules, h.ways.held, there.routes, there.rules)
	if c.changes() {
		h.wayView = wayView{}
	}
	// The disk knows that a route is ours before the kernel has it.
	h.ways.include(c.keep)
	var gone Ways
	errs = append(errs, h.takeOffWays(c, &gone)...)
	for _, w := range c.replace {
		if err := h.kernel.RouteReplace(netRoute(w)); err != nil {
			errs = append(errs, fmt.Errorf("vrrp: change route %s: %w", w.Route, err))
		}
	}
	for _, w := range c.add {
		if err := h.kernel.RouteAdd(netRoute(w)); err != nil {
			errs = append(errs, fmt.Errorf("vrrp: add route %s: %w", w.Route, foreign(err)))
			gone.Routes = append(gone.Routes, w.HeldRoute)
			continue
		}
		h.wayAdds[w.Route.String()]++
	}
	for _, r := range c.addRules {
		if err := h.kernel.RuleAdd(netRule(r)); err != nil {
			errs = append(errs, fmt.Errorf("vrrp: add rule %s: %w", r, foreign(err)))
			gone.Rules = append(gone.Rules, HeldRule{o.Group, r})
			continue
		}
		h.wayAdds[r.String()]++
	}
	h.ways.exclude(gone)
	return errors.Join(errs...)
}

// takeOffWays removes what is no more wanted, the rules first: a rule without its
// routes would send packets on by others.
func (h *Host) takeOffWays(c wayChange, gone *Ways) (errs []error) {
	*gone = c.forget
	for _, r := range c.removeRules {
		if err := h.kernel.RuleDel(netRule(r)); err != nil && !errors.Is(err, unix.ENOENT) {
			errs = append(errs, fmt.Errorf("vrrp: remove rule %s: %w", r, err))
			gone.Rules = slices.DeleteFunc(gone.Rules, func(e HeldRule) bool { return e.Rule == r })
		}
	}
	for _, x := range c.remove {
		if err := h.kernel.RouteDel(x.deletion()); err != nil && !errors.Is(err, unix.ESRCH) {
			errs = append(errs, fmt.Errorf("vrrp: remove route %s: %w", x.to, err))
			gone.Routes = slices.DeleteFunc(gone.Routes, func(e HeldRoute) bool { return keyOf(e.Route) == x.routeKey })
		}
	}
	return errs
}

// foreign names the owner of what is in the way.
func foreign(err error) error {
	if errors.Is(err, unix.EEXIST) {
		return ErrForeign
	}
	return err
}

// resolveWays finds the interfaces of a group's routes. Those on one that is
// missing are left out, and the error names them.
func (h *Host) resolveWays(o vrrp.Owned) (out []routeWish, errs []error) {
	for _, r := range o.Routes {
		w := routeWish{HeldRoute: HeldRoute{o.Group, r}}
		if r.Dev != "" {
			l, err := h.kernel.LinkByName(r.Dev)
			if err != nil {
				errs = append(errs, fmt.Errorf("vrrp: add route %s: %w", r, noLink(err)))
				continue
			}
			w.index = l.Attrs().Index
		}
		out = append(out, w)
	}
	return out, errs
}

// waysLast is how long a look at routes and rules is believed, while no event and
// no change of ours says otherwise: many groups renew on one look.
const waysLast = 500 * time.Millisecond

// wayView is a look at the routes and rules of our mark.
type wayView struct {
	routes map[routeKey]way
	rules  map[vrrp.Rule]bool
	asked  time.Time
}

// waysThere is listWays, or what it said a moment ago.
func (h *Host) waysThere() (wayView, error) {
	if !h.wayView.asked.IsZero() && time.Since(h.wayView.asked) < waysLast {
		return h.wayView, nil
	}
	routes, rules, err := h.listWays()
	if err != nil {
		return wayView{}, err
	}
	h.wayView = wayView{routes, rules, time.Now()}
	return h.wayView, nil
}

// listWays returns every route and rule of the machine that has our mark. The
// kernel leaves the others out of its answer: there may be a million.
func (h *Host) listWays() (map[routeKey]way, map[vrrp.Rule]bool, error) {
	routes, rules := map[routeKey]way{}, map[vrrp.Rule]bool{}
	for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
		filter := &netlink.Route{Protocol: mark, Table: unix.RT_TABLE_UNSPEC}
		err := h.filtered.RouteListFilteredIter(family, filter, netlink.RT_FILTER_PROTOCOL|netlink.RT_FILTER_TABLE, func(r netlink.Route) bool {
			if r.Tos == 0 && r.Dst != nil {
				x := wayOf(r)
				routes[x.routeKey] = x
			}
			return true
		})
		if err != nil {
			return nil, nil, fmt.Errorf("vrrp: list routes: %w", err)
		}
		all, err := h.kernel.RuleList(family)
		if err != nil {
			return nil, nil, fmt.Errorf("vrrp: list rules: %w", err)
		}
		for _, r := range all {
			if rule, is := ruleOf(r); is {
				rules[rule] = true
			}
		}
	}
	return routes, rules, nil
}

func wayOf(r netlink.Route) way {
	x := way{
		routeKey: routeKey{uint32(r.Table), toPrefix(r.Dst), uint32(r.Priority)},
		kind:     r.Type, src: toAddr(r.Src), scope: int(r.Scope),
		hops: []hop{{toAddr(r.Gw), r.LinkIndex, r.Flags&int(netlink.FLAG_ONLINK) != 0}},
	}
	// What a stranger appends to a route of IPv6 becomes a second way of the same.
	for _, n := range r.MultiPath {
		x.hops = append(x.hops, hop{toAddr(n.Gw), n.LinkIndex, n.Flags&int(netlink.FLAG_ONLINK) != 0})
	}
	return x
}

// netRoute is a wish as netlink takes it.
func netRoute(w routeWish) *netlink.Route {
	r := w.Route
	n := &netlink.Route{
		Dst: toIPNet(r.To), Table: int(r.Table), Priority: int(r.Metric), Protocol: mark,
		Type: kinds[r.Type], LinkIndex: w.index, Gw: toIP(r.Via), Src: toIP(r.Src),
	}
	if r.To.Addr().Is4() {
		n.Scope = netlink.Scope(scopeOf(r))
	}
	if r.OnLink {
		n.Flags = int(netlink.FLAG_ONLINK)
	}
	return n
}

// deletion is how netlink is told to remove a route: the kernel compares what is
// said, our mark included, so that one that a stranger has put in its place since
// stays.
func (x way) deletion() *netlink.Route {
	return &netlink.Route{
		Dst: toIPNet(x.to), Table: int(x.table), Priority: int(x.metric), Protocol: mark,
		Type: x.kind, Scope: unix.RT_SCOPE_NOWHERE, Gw: toIP(x.hops[0].via), LinkIndex: x.hops[0].index,
	}
}

// netRule is a rule as netlink takes it.
func netRule(r vrrp.Rule) *netlink.Rule {
	n := netlink.NewRule()
	n.Family, n.Protocol = unix.AF_INET, mark
	if r.IPv6 {
		n.Family = unix.AF_INET6
	}
	n.Priority, n.Table, n.IifName, n.OifName = int(r.Priority), int(r.Table), r.IIF, r.OIF
	if r.From.IsValid() {
		n.Src = toIPNet(r.From)
	}
	if r.To.IsValid() {
		n.Dst = toIPNet(r.To)
	}
	if r.Mask != 0 {
		n.Mark, n.Mask = r.Mark, &r.Mask
	}
	return n
}

// ruleOf reads a rule of the kernel; false: it is not one that we could have
// added.
func ruleOf(n netlink.Rule) (vrrp.Rule, bool) {
	r := vrrp.Rule{
		IPv6: n.Family == unix.AF_INET6, Priority: uint32(n.Priority), Table: uint32(n.Table),
		IIF: n.IifName, OIF: n.OifName, Mark: n.Mark,
	}
	if n.Src != nil {
		r.From = toPrefix(n.Src)
	}
	if n.Dst != nil {
		r.To = toPrefix(n.Dst)
	}
	if n.Mask != nil {
		r.Mask = *n.Mask
	}
	plain := !n.Invert && n.Tos == 0 && n.IPProto == 0 && n.Sport == nil && n.Dport == nil && n.UIDRange == nil && n.TunID == 0
	return r, n.Protocol == mark && plain
}

func toAddr(ip net.IP) netip.Addr {
	a, _ := netip.AddrFromSlice(ip)
	return a.Unmap()
}

func toIP(a netip.Addr) net.IP {
	if !a.IsValid() {
		return nil
	}
	return a.AsSlice()
}
