package conf

import (
	"fmt"
	"net/netip"
)

// listen reads where to listen: an address with its port, or "" for nowhere.
// Other than an endpoint it may be the loopback or the unspecified address.
func (r *reader) listen(e *entry, s string) {
	if s == "" {
		e.value = netip.AddrPort{}
		return
	}
	ap, err := netip.ParseAddrPort(s)
	if err != nil {
		if a, bare := netip.ParseAddr(s); bare == nil {
			r.fail(e, fmt.Sprintf("write it as %q", netip.AddrPortFrom(a, 9650)), "%q has no port", s)
			return
		}
		r.fail(e, "names are not resolved, and every address is 0.0.0.0 or [::]",
			`%q is not an address with a port, such as %q or "[::1]:9650"`, s, defaultListen)
		return
	}
	switch a := ap.Addr(); {
	case ap.Port() == 0:
		r.fail(e, "", "port 0 is outside 1–65535")
	case a.Zone() != "":
		r.fail(e, "", "%s has a zone; an address of the whole machine is needed", a)
	case a.Is4In6():
		r.fail(e, fmt.Sprintf("write %s", a.Unmap()), "%s is an IPv4 address in IPv6 form", a)
	case a.IsMulticast(), a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		r.fail(e, "", "%s is not an address of a machine on a network", a)
	default:
		e.value = ap
	}
}

// listenRules hold http_listen against the virtual routers: a virtual address is
// on one director at a time, so the other one could not listen.
func (b *builder) listenRules() {
	key := b.file.get("daemon").get("http_listen")
	for _, d := range b.d.Directors {
		at := key.forDirector(d.Name)
		ap := val[netip.AddrPort](at)
		if router := b.routerOf(ap.Addr()); ap.IsValid() && router != "" {
			b.contradict(at, "an address that each director keeps, or 0.0.0.0",
				"%s is a virtual address of %s: only the master could listen there", ap.Addr(), router)
			return
		}
	}
}
