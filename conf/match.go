package conf

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"failover/lvs"
)

// matches are the elements of a match key that are understood.
func matches(e *entry) []lvs.Key {
	var list []lvs.Key
	for _, s := range vals[string](e) {
		if k, wrong := parseMatch(s); wrong == "" {
			list = append(list, k)
		}
	}
	return list
}

// parseMatch reads "tcp 172.20.10.4:80", or says what is wrong with it.
func parseMatch(s string) (lvs.Key, string) {
	protocol, where, ok := strings.Cut(s, " ")
	if !ok {
		return lvs.Key{}, `is not a protocol, an address and a port, as in "tcp 172.20.10.4:80"`
	}
	k := lvs.Key{Protocol: lvs.Protocol(protocol)}
	if !slices.Contains([]lvs.Protocol{lvs.TCP, lvs.UDP, lvs.SCTP}, k.Protocol) {
		return k, fmt.Sprintf("has the protocol %q, which is not one of tcp, udp, sctp", protocol)
	}
	a, err := netip.ParseAddrPort(strings.TrimSpace(where))
	switch {
	case err != nil:
		return k, fmt.Sprintf("has %q for an address and a port", where)
	case a.Port() == 0:
		return k, "has port 0, which is outside 1–65535"
	case a.Addr().Zone() != "" || a.Addr().Is4In6() || a.Addr().IsUnspecified() || a.Addr().IsMulticast() || a.Addr().IsLoopback():
		return k, fmt.Sprintf("has %s, which is no virtual address", a.Addr())
	}
	k.Address = a
	return k, ""
}

// matchText judges an element of match.
func matchText(s string) string {
	_, wrong := parseMatch(s)
	return wrong
}

// matchWords writes what carries a mark as the file does.
func matchWords(list []lvs.Key) string {
	words := make([]string, len(list))
	for i, k := range list {
		words[i] = string(k.Protocol) + " " + k.Address.String()
	}
	return strings.Join(words, ", ")
}
