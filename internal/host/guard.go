package host

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"failover/lvs"
)

// tableName is the name of ours.
const tableName = "failover"

// ruleset is our table as the kernel has it: by name of the set the keys in it, in
// order, none empty; of a map each key with its value after it. A set stands for
// its rules.
type ruleset map[string][]string

// rulesetOf makes the ruleset of what is wished. directors are the hardware
// addresses of the other directors, sizes what comes of the clamps.
func rulesetOf(d Desired, directors []string, sizes []segment) ruleset {
	r := ruleset{}
	g := d.Guard
	r.keys("services", g.Services)
	r.keys("replies", g.Replies)
	r.keys("refusals", g.Refusals)
	for _, k := range g.Marked {
		r.add("marked", k.Address.Addr(), markKey(k.FWMark))
	}
	for _, a := range g.Closed {
		r.add("closed", a, string(a.AsSlice()))
	}
	for _, k := range g.Services {
		if a := k.Address.Addr(); a.IsValid() && k.Address.Port() == 0 && k.FWMark == 0 {
			r.add("whole", a, wholeKey(k))
		}
	}
	if len(g.Closed)+len(r["whole4"])+len(r["whole6"]) > 0 {
		r.keys("here", g.Here) // past the rules that would drop it
	}
	for _, m := range d.Marks.Services {
		if key, ok := elementKey(m.Service); ok && m.Mark != 0 {
			r.add("marks", m.Service.Address.Addr(), key+markKey(m.Mark))
		}
	}
	if len(d.Marks.Services) > 0 {
		for _, name := range d.Marks.Tunnels {
			key := make([]byte, unix.IFNAMSIZ)
			copy(key, name)
			r["tunnels"] = append(r["tunnels"], string(key))
		}
		if len(directors) > 0 {
			r["directors"] = slices.Clone(directors)
		}
	}
	for _, m := range d.Masquerade {
		number := m.Service.FWMark
		if number == 0 {
			number = masqueraded
			if key, ok := elementKey(m.Service); ok {
				r.add("marks", m.Service.Address.Addr(), key+markKey(number))
			} else {
				r.add("wholes", m.Service.Address.Addr(), wholeKey(m.Service)+markKey(number))
			}
		}
		r.add("masked", m.Server, markKey(number)+string(m.Server.Unmap().AsSlice()))
	}
	for _, s := range sizes {
		a, size := s.service.Address.Addr(), string(binary.BigEndian.AppendUint16(nil, s.size))
		if key, ok := elementKey(s.service); ok {
			r.add("clamps", a, key+size)
		} else if a.IsValid() && s.service.FWMark == 0 {
			r.add("clampsall", a, wholeKey(s.service)+size)
		}
	}
	for name, keys := range r {
		slices.Sort(keys)
		r[name] = slices.Compact(keys)
	}
	return r
}

// add adds to the set of the address's family.
func (r ruleset) add(set string, of netip.Addr, key string) {
	family := "4"
	if of.Unmap().Is6() {
		family = "6"
	}
	r[set+family] = append(r[set+family], key)
}

func (r ruleset) keys(set string, keys []lvs.Key) {
	for _, k := range keys {
		if key, ok := elementKey(k); ok {
			r.add(set, k.Address.Addr(), key)
		}
	}
}

func (r ruleset) equal(other ruleset) bool {
	return maps.EqualFunc(r, other, slices.Equal[[]string])
}

// elementKey is address . protocol . port as nftables joins them: each part
// padded to four bytes. ok is false where there is nothing that could be matched: a
// service by mark, or one without a port.
func elementKey(k lvs.Key) (key string, ok bool) {
	a := k.Address.Addr().Unmap()
	if !a.IsValid() || k.Address.Port() == 0 || k.FWMark != 0 {
		return "", false
	}
	var b bytes.Buffer
	b.WriteString(wholeKey(k))
	b.Write(binary.BigEndian.AppendUint16(nil, k.Address.Port()))
	b.Write([]byte{0, 0})
	return b.String(), true
}

// wholeKey is address . protocol.
func wholeKey(k lvs.Key) string {
	return string(k.Address.Addr().Unmap().AsSlice()) + string([]byte{protocolNumber(k.Protocol), 0, 0, 0})
}

func protocolNumber(p lvs.Protocol) byte {
	switch p {
	case lvs.TCP:
		return unix.IPPROTO_TCP
	case lvs.UDP:
		return unix.IPPROTO_UDP
	case lvs.SCTP:
		return unix.IPPROTO_SCTP
	}
	panic("host: no such protocol: " + string(p))
}

// markKey is a mark as packets carry it, in the order of the machine's bytes.
func markKey(m uint32) string { return string(binary.NativeEndian.AppendUint32(nil, m)) }

// table is our table in the kernel.
type table interface {
	// read returns what is there. exact is false where the table is there but holds
	// anything else than the rules of r; then r means nothing.
	read() (found bool, r ruleset, exact bool, err error)
	// replace makes r the whole table in one transaction; packets meet the old
	// rules or the new ones, never none. An empty r removes the table.
	replace(r ruleset) error
}

// without tells that the kernel has no nftables at all, which matters only where
// there is something to write.
func without(err error) bool {
	return errors.Is(err, unix.EPROTONOSUPPORT) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EINVAL)
}

// explained says what to do about an error of nftables.
func explained(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EPROTONOSUPPORT), errors.Is(err, unix.EOPNOTSUPP):
		return fmt.Errorf("%w: the kernel has no nftables: modprobe nf_tables", err)
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("%w: that takes CAP_NET_ADMIN", err)
	}
	return err
}

// applyGuard makes the kernel's table r, and writes only where it is not.
func applyGuard(t table, r ruleset) (written bool, err error) {
	// A dump that another program's change cuts in two is not the truth: what looks
	// wrong is read once more before it is written.
	for range 2 {
		found, has, exact, err := t.read()
		if len(r) == 0 && without(err) {
			return false, nil
		}
		if err != nil {
			return false, explained(err)
		}
		if !found && len(r) == 0 || found && exact && len(r) > 0 && has.equal(r) {
			return false, nil
		}
	}
	return true, explained(t.replace(r))
}
