package vrrp

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// word is one word of the grammar of routes or rules, as ip(8) has it, and what it
// does to a value.
type word[T any] struct {
	names []string // the first one is how it is written by us
	bare  bool     // no value follows
	set   func(*T, string) error
}

// readWords reads the words of a text into v, each at most once, in any order.
func readWords[T any](fields []string, known []word[T], v *T) error {
	seen := map[string]bool{}
	for i := 0; i < len(fields); i++ {
		name := fields[i]
		j := slices.IndexFunc(known, func(w word[T]) bool { return slices.Contains(w.names, name) })
		if j < 0 {
			return fmt.Errorf("%q is not known: the words are %s", name, vocabulary(known))
		}
		w := known[j]
		if seen[w.names[0]] {
			return fmt.Errorf("%s is there twice", name)
		}
		seen[w.names[0]] = true
		value := ""
		if !w.bare {
			if i++; i == len(fields) {
				return fmt.Errorf("%s: its value is missing", name)
			}
			value = fields[i]
		}
		if err := w.set(v, value); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// vocabulary lists the words: via, dev and src.
func vocabulary[T any](known []word[T]) string {
	var list []string
	for _, w := range known {
		list = append(list, w.names[0])
	}
	last := len(list) - 1
	return strings.Join(list[:last], ", ") + " and " + list[last]
}

// The tables that have a name everywhere (linux/rtnetlink.h, RT_TABLE_…).
const (
	tableDefault = 253
	tableMain    = 254
	tableLocal   = 255
)

// readTable reads the number or the name of a routing table.
func readTable(s string) (uint32, error) {
	switch s {
	case "main":
		return tableMain, nil
	case "default":
		return tableDefault, nil
	case "local", strconv.Itoa(tableLocal):
		return 0, errors.New("local is the kernel's own table")
	}
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%q is neither main, default nor a number of 1–%d", s, uint32(1<<32-1))
	}
	return uint32(n), nil
}

// tableName is how a table is written.
func tableName(n uint32) string {
	switch n {
	case tableMain:
		return "main"
	case tableDefault:
		return "default"
	}
	return strconv.FormatUint(uint64(n), 10)
}

// readNumber reads a number of 32 bits, decimal or, after 0x, hexadecimal.
func readNumber(s string) (uint32, error) {
	n, err := strconv.ParseUint(s, 0, 32)
	if err != nil {
		return 0, fmt.Errorf("%q is not a number of 0–%d", s, uint32(1<<32-1))
	}
	return uint32(n), nil
}

// readAddress reads the address of a machine.
func readAddress(s string) (netip.Addr, error) {
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" || a.Is4In6() {
		return netip.Addr{}, fmt.Errorf("%q is not an IP address", s)
	}
	if a.IsUnspecified() || a.IsMulticast() {
		return netip.Addr{}, fmt.Errorf("%s is not an address of a machine", a)
	}
	return a, nil
}

// readNet reads a network, or an address, which is a network of one.
func readNet(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" && !a.Is4In6() {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil || p.Addr().Is4In6() {
		return netip.Prefix{}, fmt.Errorf("%q is neither a network such as 192.0.2.0/24 nor an address", s)
	}
	if p != p.Masked() {
		return netip.Prefix{}, fmt.Errorf("%s has bits beyond its length; the network is %s", p, p.Masked())
	}
	return p, nil
}

// netName is how a network is written: one of a single address without its length.
func netName(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

// readDevice reads the name of an interface, by the kernel's rule
// (dev_valid_name).
func readDevice(s string) (string, error) {
	if len(s) > 15 || s == "." || s == ".." || strings.ContainsAny(s, "/:") {
		return "", fmt.Errorf("%q is not a name an interface can have", s)
	}
	return s, nil
}

// to makes a setter of a field out of a reader of values.
func to[T, V any](field func(*T) *V, read func(string) (V, error)) func(*T, string) error {
	return func(t *T, s string) (err error) {
		*field(t), err = read(s)
		return err
	}
}
