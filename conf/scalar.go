package conf

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"
)

// scalar checks a value that is not a table and keeps it in its Go type.
func (r *reader) scalar(e *entry, raw any) {
	switch e.spec.Type {
	case Integer:
		r.integer(e, raw)
		return
	case Bool:
		b, ok := raw.(bool)
		if !ok {
			r.fail(e, "", "must be %s, not %s", e.spec.Allowed(), kindOf(raw))
			return
		}
		e.value = b
		return
	}
	s, ok := raw.(string)
	if !ok {
		r.notString(e, raw)
		return
	}
	switch e.spec.Type {
	case String:
		r.text(e, s)
	case Duration:
		r.duration(e, s)
	case Address:
		r.address(e, s)
	case Prefix:
		r.prefix(e, s)
	case Endpoint:
		r.endpoint(e, s)
	case Listen:
		r.listen(e, s)
	}
}

// notString explains a value that should have been a string.
func (r *reader) notString(e *entry, raw any) {
	if e.spec.Type == Duration {
		switch raw.(type) {
		case int64, float64:
			r.fail(e, "", `%v has no unit: a duration is a string such as "300ms" or "%vs"`, raw, raw)
			return
		}
	}
	want := "a string"
	if e.spec.Type != String {
		want += fmt.Sprintf(" (%s)", e.spec.Type)
	}
	if len(e.spec.Values) > 0 {
		want = "one of " + strings.Join(e.spec.Values, ", ")
	}
	r.fail(e, "", "must be %s, not %s", want, kindOf(raw))
}

func (r *reader) integer(e *entry, raw any) {
	n, ok := raw.(int64)
	switch {
	case !ok:
		r.fail(e, "", "must be an integer, %s, not %s", e.spec.bounds(), kindOf(raw))
	case n < e.spec.Min || n > e.spec.Max:
		if e.spec.Min == e.spec.Max {
			r.fail(e, "", "%d is not known: this release has %d only", n, e.spec.Min)
			return
		}
		r.fail(e, "", "%d is outside %s", n, e.spec.bounds())
	default:
		e.value = n
	}
}

func (r *reader) text(e *entry, s string) {
	switch {
	case len(e.spec.Values) > 0 && !slices.Contains(e.spec.Values, s):
		hint := ""
		if n := nearest(s, e.spec.Values); n != "" {
			hint = "did you mean " + n + "?"
		}
		r.fail(e, hint, "%q is not one of %s", s, strings.Join(e.spec.Values, ", "))
		return
	case s == "" && e.spec.Default != `""`:
		r.fail(e, "", "is empty")
		return
	case !e.spec.Free && hasControl(s):
		r.fail(e, "", "%q has a control character", s)
		return
	}
	if e.spec.valid != nil {
		if wrong := e.spec.valid(s); wrong != "" {
			r.fail(e, "", "%q %s", s, wrong)
			return
		}
	}
	e.value = s
}

func (r *reader) duration(e *entry, s string) {
	d, err := time.ParseDuration(s)
	switch {
	case err != nil:
		r.fail(e, "", `%q is not a duration such as "300ms", "2s" or "1m30s"`, s)
	case int64(d) < e.spec.Min || int64(d) > e.spec.Max:
		r.fail(e, "", "%s is outside %s", s, e.spec.bounds())
	case e.spec.Step > 0 && int64(d)%e.spec.Step != 0:
		r.fail(e, "", "%s is not a multiple of %s", s, text(time.Duration(e.spec.Step)))
	default:
		e.value = d
	}
}

func (r *reader) address(e *entry, s string) {
	a, err := netip.ParseAddr(s)
	if err != nil {
		r.fail(e, "names are not resolved", "%q is not an IP address", s)
		return
	}
	if r.usable(e, a) {
		e.value = a
	}
}

func (r *reader) prefix(e *entry, s string) {
	p, err := netip.ParsePrefix(s)
	if err != nil {
		if a, bare := netip.ParseAddr(s); bare == nil && a.Zone() == "" {
			subnet, host := s+"/24", s+"/32"
			if a.Is6() {
				subnet, host = s+"/64", s+"/128"
			}
			r.fail(e, fmt.Sprintf("write %q with the bits of its subnet, or %q for a host address", subnet, host),
				"%q has no prefix length", s)
			return
		}
		r.fail(e, "", `%q is not an address with its prefix length, such as "192.0.2.4/24"`, s)
		return
	}
	if !r.usable(e, p.Addr()) {
		return
	}
	if p.Bits() == 0 {
		r.fail(e, "", "%s: a prefix length of 0 makes every address a neighbour", s)
		return
	}
	if p.Bits() < p.Addr().BitLen()-1 {
		if p.Addr() == p.Masked().Addr() {
			r.fail(e, "", "%s is the subnet itself, not an address in it", s)
			return
		}
		if p.Addr().Is4() && p.Addr() == broadcast(p) {
			r.fail(e, "", "%s is the broadcast address of %s", p.Addr(), p.Masked())
			return
		}
	}
	e.value = p
}

func (r *reader) endpoint(e *entry, s string) {
	if s == "" && e.spec.Default == `""` {
		return
	}
	ap, err := netip.ParseAddrPort(s)
	if err != nil {
		a, bare := netip.ParseAddr(s)
		if bare == nil && e.spec.NoPort {
			if r.usable(e, a) {
				e.value = netip.AddrPortFrom(a, 0)
			}
			return
		}
		if bare == nil {
			r.fail(e, fmt.Sprintf("write it as %q", netip.AddrPortFrom(a, 80)), "%q has no port", s)
			return
		}
		r.fail(e, "names are not resolved", `%q is not an address with a port, such as "192.0.2.4:80"`, s)
		return
	}
	if ap.Port() == 0 {
		hint := ""
		if e.spec.NoPort {
			hint = "leave the port out where every port is meant"
		}
		r.fail(e, hint, "port 0 is outside 1–65535")
		return
	}
	if r.usable(e, ap.Addr()) {
		e.value = ap
	}
}

// usable refuses addresses that no machine can be reached at.
func (r *reader) usable(e *entry, a netip.Addr) bool {
	multicast := e.spec == syncSection.key("group")
	switch {
	case a.Zone() != "":
		r.fail(e, "", "%s has a zone; the interface is given by its own key", a)
	case a.Is4In6():
		r.fail(e, fmt.Sprintf("write %s", a.Unmap()), "%s is an IPv4 address in IPv6 form", a)
	case e.spec.IPv4 && !a.Is4():
		r.fail(e, "", "%s is an IPv6 address; this key takes IPv4 only in this release", a)
	case multicast && !a.IsMulticast():
		r.fail(e, "", "%s is not a multicast address", a)
	case multicast && (a == vrrpGroup || a == vrrpGroup6):
		r.fail(e, "", "%s is the group of VRRP itself", a)
	case multicast:
		return true
	case a.IsUnspecified(), a.IsLoopback(), a.IsMulticast(), a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		r.fail(e, "", "%s is not an address of a machine on a network", a)
	default:
		return true
	}
	return false
}

// broadcast is the last address of an IPv4 subnet.
func broadcast(p netip.Prefix) netip.Addr {
	b := p.Addr().As4()
	for i := range 32 {
		if i >= p.Bits() {
			b[i/8] |= 0x80 >> (i % 8)
		}
	}
	return netip.AddrFrom4(b)
}

// hasControl tells whether a string has a character that would break a line or
// a terminal.
func hasControl(s string) bool { return strings.ContainsFunc(s, unicode.IsControl) }
