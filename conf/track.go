package conf

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"failover/check"
	"failover/vrrp"
)

// QuorumTrack is the kind of a track that no probe asks: the quorum of a virtual
// server, as its checks have it.
const QuorumTrack check.Kind = "virtual_server"

// TrackConfig is one [[virtual_router.NAME.track]] table, or one of
// track_interfaces.
type TrackConfig struct {
	// Object is what is tracked: the name of an interface, a process or a virtual
	// server, a path, an address, or a program with its arguments.
	Object PerDirector[string]
	Weight int // −253–253
	// Spec is how it is asked; what is asked is filled in for each director. Of a
	// virtual server only the kind is set.
	Spec check.Spec
}

// Track is a tracked object of one director: a check whose verdict changes the
// priority of a group, or takes it out of the election.
type Track struct {
	Router string // the virtual router it is written for
	Group  string // and its group, which it counts for
	Kind   check.Kind
	Name   string // what is tracked, unique among the router's tracks of the kind
	// Weight 0: failing is a fault. Above 0: added to the priority while it is well.
	// Below 0: added while it fails.
	Weight int
	Spec   check.Spec // void for [QuorumTrack]
}

// tracks resolves the tracks for one director.
func (d Deployment) tracks(name string) []Track {
	var list []Track
	for _, r := range d.VirtualRouters {
		for _, c := range r.Tracks {
			t := Track{Router: r.Name, Group: r.Group, Kind: c.Spec.Kind, Name: c.Object.For(name), Weight: c.Weight, Spec: c.Spec}
			switch t.Kind {
			case check.Ping:
				if a, err := netip.ParseAddr(t.Name); err == nil {
					t.Spec.Target = netip.AddrPortFrom(a, 0)
				}
			case check.Interface, check.Process, check.File:
				t.Spec.Object = t.Name
			}
			list = append(list, t)
		}
	}
	return list
}

// full is the effective priority that a router's group has on a director in full
// health; 0 where that is the configured one.
func (d Deployment) full(r VirtualRouter, on Director) uint8 {
	priority, bonus := int(r.Priority.For(on.Name)), 0
	for _, other := range d.VirtualRouters {
		for _, t := range other.Tracks {
			if other.Group == r.Group {
				bonus += max(0, t.Weight)
			}
		}
	}
	if bonus == 0 || priority == owner {
		return 0
	}
	return uint8(min(priority+bonus, 254))
}

// fellows are the other directors whose source the file tells. Their full
// priorities matter only where health decides who is preempted.
func (d Deployment) fellows(r VirtualRouter, self Director) []vrrp.Fellow {
	var list []vrrp.Fellow
	for _, other := range d.Directors {
		if s := d.source(r, other); other.Name != self.Name && s.IsValid() {
			full := d.full(r, other)
			switch {
			case r.Preempt.For(self.Name):
				full = 0
			case full == 0:
				full = r.Priority.For(other.Name)
			}
			list = append(list, vrrp.Fellow{Source: s, Full: full})
		}
	}
	return list
}

// fellowWords and trackWords put the like into words for Diff.
func fellowWords(fellows []vrrp.Fellow) string {
	list := make([]string, len(fellows))
	for i, f := range fellows {
		list[i] = f.Source.String()
		if f.Full > 0 {
			list[i] += fmt.Sprintf(" %d", f.Full)
		}
	}
	return strings.Join(list, ", ")
}

func trackWords(tracks []Track, router string) []object {
	var list []object
	for _, t := range tracks {
		if t.Router != router {
			continue
		}
		asked := ""
		if t.Kind != QuorumTrack {
			asked = checkWords(t.Spec)
		}
		list = append(list, object{name: string(t.Kind) + " " + t.Name, brief: "weight " + strconv.Itoa(t.Weight),
			fields: []field{{"weight", strconv.Itoa(t.Weight)}, {"check", asked}}})
	}
	return list
}

// hasTrack tells whether one of the tracks is of the same kind and object on a
// director.
func hasTrack(list []TrackConfig, t TrackConfig, director string) bool {
	return slices.ContainsFunc(list, func(other TrackConfig) bool {
		return other.Spec.Kind == t.Spec.Kind && other.Object.For(director) == t.Object.For(director)
	})
}
