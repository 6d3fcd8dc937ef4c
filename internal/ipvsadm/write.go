package ipvsadm

import (
	"bytes"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"failover/lvs"
)

// place is what a line of the written file is of: a service, a server of it, or,
// −1, neither.
type place struct{ service, server int }

// head is what the file begins with.
const head = `# Written by failover import ipvsadm. The table is all here; rules do not tell:
# - the directors' names (host names) and addresses: [director.NAME]
# - who holds the services' addresses: add [virtual_router.NAME] with them, and
#   take virtual_router = "none" out
# - how to know that a real server is up: add check = { kind = "tcp" } or another
# - thresholds, which ipvsadm does not save: add max_connections, min_connections
# - whether connections are to outlive a switch: add [ipvs.sync]
# failover.reference.toml has every key.

`

// writer is a text and what each of its lines is of.
type writer struct {
	b      bytes.Buffer
	origin []place
}

func (w *writer) line(at place, format string, args ...any) {
	fmt.Fprintf(&w.b, format+"\n", args...)
	w.origin = append(w.origin, at)
}

// write makes a file of the services that are left, and tells what each line of it
// is of.
func (in *importer) write() ([]byte, []place) {
	w := &writer{}
	for _, text := range lines(head) {
		w.line(place{-1, -1}, "%s", text)
	}
	for _, d := range in.directors {
		w.line(place{-1, -1}, "[director.%s]", bare(d.Name))
		w.line(place{-1, -1}, "address = %q", d.Address)
	}
	for i, s := range in.services {
		w.service(i, s.Service)
	}
	return w.b.Bytes(), w.origin
}

func (w *writer) service(i int, s lvs.Service) {
	at := place{i, -1}
	put := func(format string, args ...any) { w.line(at, format, args...) }
	put("")
	put("[virtual_server.%s]", name(s.Key))
	if s.Key.FWMark != 0 {
		put("fwmark = %d", s.Key.FWMark)
		if s.Key.Is6() {
			put(`family = "ipv6"`)
		}
	} else {
		put("address = %q", endpoint(s.Key.Address))
		if s.Key.Protocol != lvs.TCP {
			put("protocol = %q", s.Key.Protocol)
		}
	}
	put(`virtual_router = "none"`)
	put("scheduler = %q", s.Scheduler)
	if names := lvs.FlagNames(s.Scheduler, s.Flags); len(names) > 0 || s.Scheduler == "mh" {
		put("scheduler_flags = %s", list(names))
	}
	forward := lvs.NAT
	if len(s.Servers) > 0 {
		forward = s.Servers[0].Forward
	}
	put("forward = %q", forward)
	if s.Flags&lvs.FlagPersistent != 0 {
		put(`persistence = "%ds"`, s.Timeout)
		if s.Mask != 0 {
			put("persistence_mask = %d", s.Mask)
		}
	}
	if s.Engine != "" {
		put("persistence_engine = %q", s.Engine)
	}
	if s.Flags&lvs.FlagOnePacket != 0 {
		put("one_packet = true")
	}
	put("real_server = [")
	for j, r := range s.Servers {
		w.line(place{i, j}, "  { %s },", server(r, forward))
	}
	put("]")
}

// server is a real server as an inline table, without braces.
func server(r lvs.Server, forward lvs.Forward) string {
	parts := []string{fmt.Sprintf("address = %q, weight = %d", endpoint(r.Address), r.Weight)}
	if r.Forward != forward {
		parts = append(parts, fmt.Sprintf("forward = %q", r.Forward))
	}
	if r.Upper != 0 {
		parts = append(parts, fmt.Sprintf("max_connections = %d", r.Upper))
	}
	if r.Lower != 0 {
		parts = append(parts, fmt.Sprintf("min_connections = %d", r.Lower))
	}
	if t := r.Tunnel; t != (lvs.Tunnel{}) {
		parts = append(parts, "tunnel = { "+tunnel(t)+" }")
	}
	return strings.Join(parts, ", ")
}

// tunnel writes an encapsulation. One that has no name is written as a number,
// which is refused.
func tunnel(t lvs.Tunnel) string {
	word := func(list []string, n int) string {
		if n < len(list) {
			return strconv.Quote(list[n])
		}
		return strconv.Itoa(n)
	}
	text := "type = " + word([]string{"ipip", "gue", "gre"}, int(t.Type))
	if t.Port != 0 {
		text += fmt.Sprintf(", port = %d", t.Port)
	}
	if t.Flags != 0 {
		text += ", checksum = " + word([]string{"none", "csum", "remcsum"}, int(t.Flags))
	}
	return text
}

// name calls a service by what it is: tcp-172-20-10-4-80, mark-7.
func name(k lvs.Key) string {
	switch {
	case k.FWMark != 0 && k.Is6():
		return fmt.Sprintf("mark-%d-ipv6", k.FWMark)
	case k.FWMark != 0:
		return fmt.Sprintf("mark-%d", k.FWMark)
	}
	address := strings.NewReplacer(".", "-", ":", "-").Replace(k.Address.Addr().String())
	return fmt.Sprintf("%s-%s-%d", k.Protocol, address, k.Address.Port())
}

// bare writes a name as a key of TOML.
func bare(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_')
	}) || name == "" {
		return strconv.Quote(name)
	}
	return name
}

// endpoint leaves out the port that stands for every port.
func endpoint(a netip.AddrPort) string {
	if a.Port() == 0 {
		return a.Addr().String()
	}
	return a.String()
}

func list(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = strconv.Quote(w)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// lines are those of a text, without the end of the last one.
func lines(text string) []string {
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}
