package lvs

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Conn is one connection of the kernel's table.
type Conn struct {
	Protocol                Protocol
	Client, Virtual, Server netip.AddrPort
	State                   string        // as the kernel names it: ESTABLISHED, UDP, …
	Expires                 time.Duration // from now, unless a packet comes; in whole seconds
	// Template: it is no connection, but what binds a client to a server (persistence).
	// Its client has no port, and of a service by firewall mark the address of Virtual
	// is the mark.
	Template bool
	// Told: another machine told of it, by synchronisation; false where that is not
	// known, see [ReadConns].
	Told bool
}

// ReadConns reads connections from the text of /proc/net/ip_vs_conn, or of
// /proc/net/ip_vs_conn_sync, which has their origin (net/netfilter/ipvs/ip_vs_conn.c,
// ip_vs_conn_seq_show, ip_vs_conn_sync_seq_show), and gives each to f, the
// templates of persistence among them. A line that is none of a connection is an
// error, as no kernel writes one.
func ReadConns(r io.Reader, f func(Conn)) error {
	lines := bufio.NewScanner(r)
	for n := 0; lines.Scan(); n++ {
		words := strings.Fields(lines.Text())
		if n == 0 || len(words) == 0 {
			continue // the headline
		}
		c, err := parseConn(words)
		if err != nil {
			return fmt.Errorf("lvs: connection %q: %w", lines.Text(), err)
		}
		f(c)
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("lvs: read connections: %w", err)
	}
	return nil
}

// parseConn reads "Pro FromIP FPrt ToIP TPrt DestIP DPrt State Expires", or the same
// with an origin, LOCAL or SYNC, before the last one.
func parseConn(words []string) (c Conn, err error) {
	if len(words) < 9 {
		return Conn{}, fmt.Errorf("%d words, want 9", len(words))
	}
	c.Protocol, c.State = Protocol(strings.ToLower(words[0])), words[7]
	for i, to := range []*netip.AddrPort{&c.Client, &c.Virtual, &c.Server} {
		if *to, err = parseHexEndpoint(words[1+2*i], words[2+2*i]); err != nil {
			return Conn{}, err
		}
	}
	c.Template = c.Client.Port() == 0
	expires := words[8]
	if c.Told = expires == "SYNC"; (c.Told || expires == "LOCAL") && len(words) > 9 {
		expires = words[9]
	}
	seconds, err := strconv.ParseUint(expires, 10, 32)
	c.Expires = time.Duration(seconds) * time.Second
	return c, err
}

// parseHexEndpoint reads an address as the kernel writes it for machines, C0A8215C
// or 2001:0db8:…:0004, and a port, 0050.
func parseHexEndpoint(address, port string) (netip.AddrPort, error) {
	p, err := strconv.ParseUint(port, 16, 16)
	if err != nil {
		return netip.AddrPort{}, err
	}
	if strings.Contains(address, ":") {
		a, err := netip.ParseAddr(strings.Trim(address, "[]"))
		return netip.AddrPortFrom(a, uint16(p)), err
	}
	b, err := hex.DecodeString(address)
	if err != nil {
		return netip.AddrPort{}, err
	}
	a, ok := netip.AddrFromSlice(b)
	if !ok || !a.Is4() {
		return netip.AddrPort{}, fmt.Errorf("address %q", address)
	}
	return netip.AddrPortFrom(a, uint16(p)), nil
}
