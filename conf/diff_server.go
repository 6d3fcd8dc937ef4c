package conf

import (
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"failover/lvs"
)

// ByTable goes through the services of each table, which stand together. They share
// everything but their key and what hangs on it.
func ByTable(services []VirtualServer) iter.Seq[[]VirtualServer] {
	return func(yield func([]VirtualServer) bool) {
		for rest := services; len(rest) > 0; {
			n := 1
			for n < len(rest) && rest[n].Name == rest[0].Name {
				n++
			}
			if !yield(rest[:n]) {
				return
			}
			rest = rest[n:]
		}
	}
}

// sameTables has the names of the tables that both sides have alike. There may be
// thousands, and most reloads change one: comparing is quicker than writing down.
func sameTables(old, new []VirtualServer) map[string]bool {
	before := map[string][]VirtualServer{}
	for t := range ByTable(old) {
		before[t[0].Name] = t
	}
	same := map[string]bool{}
	for t := range ByTable(new) {
		if was, ok := before[t[0].Name]; ok && slices.EqualFunc(was, t, VirtualServer.equal) {
			same[t[0].Name] = true
		}
	}
	return same
}

// equal tells whether two services are the same. Most of a file that was read again
// are the very same in memory.
func (vs VirtualServer) equal(o VirtualServer) bool {
	return vs.Name == o.Name && vs.Key == o.Key && slices.Equal(vs.Match, o.Match) && vs.VirtualRouter == o.VirtualRouter &&
		vs.Scheduler == o.Scheduler && vs.Flags == o.Flags && vs.Forward == o.Forward &&
		vs.Persistence == o.Persistence && vs.PersistenceMask == o.PersistenceMask && vs.PersistenceEngine == o.PersistenceEngine &&
		vs.Masquerade == o.Masquerade && vs.Quorum == o.Quorum && vs.Hysteresis == o.Hysteresis &&
		(vs.Sorry == o.Sorry || vs.Sorry != nil && o.Sorry != nil && vs.Sorry.equal(*o.Sorry)) &&
		vs.Quiesce == o.Quiesce && vs.ExpireDown == o.ExpireDown && vs.DrainTimeout == o.DrainTimeout &&
		slices.Equal(vs.Notify, o.Notify) && (sameMemory(vs.Servers, o.Servers) || slices.EqualFunc(vs.Servers, o.Servers, RealServer.equal))
}

func (rs RealServer) equal(o RealServer) bool {
	return rs.Name == o.Name && rs.Address == o.Address && rs.Forward == o.Forward && rs.Tunnel == o.Tunnel && rs.Weight == o.Weight &&
		rs.Upper == o.Upper && rs.Lower == o.Lower && len(rs.Checks) == len(o.Checks) &&
		(len(rs.Checks) == 0 || reflect.DeepEqual(rs.Checks, o.Checks))
}

func sameMemory[T any](a, b []T) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// serverWords puts the services of one table into words for Diff.
func serverWords(services []VirtualServer) object {
	vs := services[0]
	var reals []object
	for _, rs := range vs.Servers {
		reals = append(reals, realWords(rs))
	}
	var where, protocols, routers []string
	for _, s := range services {
		where = appendNew(where, whereWords(s.Key))
		protocols = appendNew(protocols, string(s.Key.Protocol))
		routers = appendNew(routers, s.VirtualRouter)
	}
	list := strings.Join(where, ", ")
	protocol := strings.Join(protocols, ", ")
	brief := fmt.Sprintf("%s, %s, %s, %s", strings.TrimSpace(protocol+" "+list), vs.Scheduler, vs.Forward,
		count(len(vs.Servers), "real server"))
	sorry := ""
	if vs.Sorry != nil {
		sorry = serverText(*vs.Sorry)
	}
	return object{name: vs.Name, brief: brief, fields: []field{
		{"address", list},
		{"match", matchWords(vs.Match)},
		{"virtual_router", strings.Join(routers, ", ")},
		{"protocol", protocol},
		{"scheduler", vs.Scheduler},
		{"scheduler_flags", strings.Join(lvs.FlagNames(vs.Scheduler, vs.Flags), ", ")},
		{"persistence", text(vs.Persistence)},
		{"persistence_mask", maskWords(services)},
		{"persistence_engine", vs.PersistenceEngine},
		{"one_packet", strconv.FormatBool(vs.Flags&lvs.FlagOnePacket != 0)},
		{"masquerade", strconv.FormatBool(vs.Masquerade)},
		{"quorum", strconv.Itoa(vs.Quorum)},
		{"hysteresis", strconv.Itoa(vs.Hysteresis)},
		{"sorry_server", sorry},
		{"on_failure", choice(vs.Quiesce, "quiesce", "remove")},
		{"on_server_down", expiryWords(services)},
		{"drain.timeout", text(vs.DrainTimeout)},
		{"notify", argvWords(vs.Notify)},
	}, inside: []listing{{"real_server", reals}}}
}

func realWords(rs RealServer) object {
	var checks []string
	for _, c := range rs.Checks {
		words := checkWords(c)
		if c.Target.IsValid() && c.Target.Port() != rs.Address.Port() {
			words += fmt.Sprintf(", to port %d", c.Target.Port())
		}
		checks = append(checks, words)
	}
	return object{name: rs.Name, brief: fmt.Sprintf("%s, weight %d", serverText(rs), rs.Weight), fields: []field{
		{"address", endpointText(rs.Address)},
		{"forward", string(rs.Forward)},
		{"tunnel", tunnelWords(rs)},
		{"weight", strconv.Itoa(rs.Weight)},
		{"max_connections", strconv.FormatUint(uint64(rs.Upper), 10)},
		{"min_connections", strconv.FormatUint(uint64(rs.Lower), 10)},
		{"check", strings.Join(checks, " and ")},
	}}
}

func ipvsWords(i IPVS) object {
	return object{fields: []field{
		{"on_stop", choice(i.RemoveOnStop, "remove", "keep")},
		{"stop_timeout", text(i.StopTimeout)},
		{"resync", text(i.Resync)},
		{"tcp_timeout", text(i.TCPTimeout)},
		{"tcpfin_timeout", text(i.TCPFinTimeout)},
		{"udp_timeout", text(i.UDPTimeout)},
	}}
}

// whereWords is what makes a service the one it is, its protocol left out.
func whereWords(k lvs.Key) string {
	if k.FWMark != 0 {
		return keyWords(k)
	}
	return endpointText(k.Address)
}

// serverText is where a server is and how packets get there.
func serverText(rs RealServer) string {
	s := fmt.Sprintf("%s, %s", endpointText(rs.Address), rs.Forward)
	if t := tunnelWords(rs); t != "" {
		s += " by " + t
	}
	return s
}

// tunnelWords describes an encapsulation that is not plain IP in IP: "gue port
// 6080 csum".
func tunnelWords(rs RealServer) string {
	if rs.Tunnel == (lvs.Tunnel{}) {
		return ""
	}
	s := tunnelTypes[rs.Tunnel.Type]
	if rs.Tunnel.Port != 0 {
		s += fmt.Sprintf(" port %d", rs.Tunnel.Port)
	}
	if rs.Tunnel.Flags != 0 {
		s += " " + tunnelChecksums[rs.Tunnel.Flags]
	}
	return s
}

// maskWords and expiryWords tell what may differ among the services of a table.
func maskWords(services []VirtualServer) string {
	var list []string
	for _, s := range services {
		if s.PersistenceMask != 0 {
			list = appendNew(list, strconv.Itoa(int(s.PersistenceMask)))
		}
	}
	return strings.Join(list, ", ")
}

func expiryWords(services []VirtualServer) string {
	var list []string
	for _, s := range services {
		list = appendNew(list, choice(s.ExpireDown, "expire", "keep"))
	}
	return strings.Join(list, ", ")
}

func argvWords(argv []string) string {
	if len(argv) == 0 {
		return ""
	}
	return fmt.Sprintf("%q", argv)
}

func choice(yes bool, a, b string) string {
	if yes {
		return a
	}
	return b
}

func appendNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}
