package vrrp

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// neighboursKept bounds how many neighbours of one router are remembered: more
// than a virtual router ever has, and few enough for somebody who makes them up.
const neighboursKept = 16

// Neighbour is another router of the same VRID, as its newest advert tells. The
// facts are taken from adverts that came from the same link (TTL or hop limit
// 255), with a correct checksum, over the configured transport. An advert that
// the RFC has us discard shows here that somebody is alive, and nothing more.
type Neighbour struct {
	Address  netip.Addr
	Version  uint8
	Priority uint8
	Interval time.Duration
	Seen     Instant // when its newest advert came
	// Rejected says why its adverts are discarded; empty: they count.
	Rejected Reject `json:",omitempty"`
	// Differs is what it has otherwise than we have.
	Differs []Difference `json:",omitempty"`
	// GoesOn tells that it has been master beside us for a Master_Down_Interval,
	// though we outrank it.
	GoesOn bool `json:",omitempty"`
	// Left tells that the mastership is left to it because of what differs.
	Left bool `json:",omitempty"`
}

// Difference is one field of a neighbour's adverts that is not as ours. Neither
// side of it ever shows a password.
type Difference struct {
	In     Field
	Ours   string
	Theirs string
}

// Field names a field of an advert.
type Field string

// The fields that neighbours can differ in.
const (
	FieldVersion   Field = "version"
	FieldAuth      Field = "authentication"
	FieldInterval  Field = "interval"
	FieldAddresses Field = "addresses"
	FieldChecksum  Field = "checksum"
)

// Alive tells whether the neighbour would still be taken for alive at now: its
// adverts have been missing for less than three of its intervals and a skew.
func (n Neighbour) Alive(now Instant) bool {
	return n.Priority != priorityResign && now.Sub(n.Seen) <= MasterDownInterval(n.Interval, priorityLowest)
}

// Incompatible lists the differences that two routers of one virtual router must
// not have. An interval is learned in version 3, and so none of them.
func (n Neighbour) Incompatible() []Difference {
	return slices.DeleteFunc(slices.Clone(n.Differs), func(d Difference) bool {
		return d.In == FieldInterval && n.Rejected != RejectV2Interval
	})
}

// neighbour is what the engine keeps of one.
type neighbour struct {
	address  netip.Addr
	version  uint8
	priority uint8
	authType uint8
	interval time.Duration
	checksum ChecksumForm
	seen     Instant
	rejected Reject
	others   []netip.Addr // its addresses, where they are not ours
}

// hear notes an advert and returns who sent it. Who was silent for longest makes
// room for a new one.
func (t *traffic) hear(now Instant, src netip.Addr, a *Advert, r Reject, same bool) *neighbour {
	i := slices.IndexFunc(t.neighbours, func(n neighbour) bool { return n.address == src })
	if i < 0 && len(t.neighbours) < neighboursKept {
		i = len(t.neighbours)
		t.neighbours = append(t.neighbours, neighbour{})
	}
	if i < 0 {
		i = 0
		for j := range t.neighbours {
			if t.neighbours[j].seen < t.neighbours[i].seen {
				i = j
			}
		}
	}
	n := &t.neighbours[i]
	others := n.others[:0]
	if !same {
		others = append(others, a.Addresses...)
	}
	*n = neighbour{
		address: src, version: a.Version, priority: a.Priority, authType: a.Auth.Type,
		interval: a.Interval, checksum: a.Checksum, seen: now, rejected: r, others: others,
	}
	return n
}

// neighboursOf is what status shows of them.
func neighboursOf(list []neighbour, c *RouterConfig, addresses []netip.Addr) []Neighbour {
	var out []Neighbour
	for i := range list {
		n := &list[i]
		out = append(out, Neighbour{
			Address: n.address, Version: n.version, Priority: n.priority, Interval: n.interval,
			Seen: n.seen, Rejected: n.rejected, Differs: n.differs(c, addresses),
		})
	}
	slices.SortFunc(out, func(a, b Neighbour) int { return a.Address.Compare(b.Address) })
	return out
}

// differs lists what a neighbour has otherwise than the configuration; what makes
// us discard its adverts comes first. A field that the other version has not
// cannot differ.
func (n *neighbour) differs(c *RouterConfig, addresses []netip.Addr) []Difference {
	var out []Difference
	add := func(is bool, in Field, ours, theirs string) {
		if is {
			out = append(out, Difference{in, ours, theirs})
		}
	}
	version := c.version()
	add(n.version != version, FieldVersion, fmt.Sprint(version), fmt.Sprint(n.version))
	if n.version == version && version == Version2 {
		theirs := authWords(n.authType)
		if n.rejected == RejectAuth {
			theirs = "another password"
		}
		add(n.rejected == RejectAuthType || n.rejected == RejectAuth, FieldAuth, authWords(c.Auth.auth().Type), theirs)
	}
	add(n.interval != c.Interval, FieldInterval, c.Interval.String(), n.interval.String())
	add(len(n.others) > 0, FieldAddresses, listed(addresses), listed(n.others))
	add(n.otherForm(c), FieldChecksum, string(c.Checksum), string(n.checksum))
	return out
}

// otherForm tells that its checksums are of the form that ours are not.
func (n *neighbour) otherForm(c *RouterConfig) bool {
	return n.checksum != "" && c.version() == Version3 && n.checksum != c.Checksum
}

func authWords(kind uint8) string {
	switch kind {
	case AuthNone:
		return "none"
	case AuthPassword:
		return "password"
	default:
		return fmt.Sprintf("type %d", kind)
	}
}

// listed writes addresses, cut where there are very many.
func listed(addresses []netip.Addr) string {
	const most = 8
	var words []string
	for _, a := range addresses[:min(len(addresses), most)] {
		words = append(words, a.String())
	}
	s := strings.Join(words, " ")
	if more := len(addresses) - most; more > 0 {
		s += fmt.Sprintf(" and %d more", more)
	}
	return s
}
