package host

import (
	"errors"
	"maps"
	"slices"
)

// Item is one thing that is wished of the machine, and how it is.
type Item struct {
	Kind string // module, tunnel, sysctl, address, route or nftables
	Name string
	Want string
	Have string // what is there instead, or why that is not known
	OK   bool
}

// Look compares the machine with d and changes nothing.
func (r *Reconciler) Look(d Desired) []Item {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []Item
	for _, name := range d.Modules {
		list = append(list, presence("module", name, r.present(name), nil))
	}
	for _, t := range d.Tunnels {
		is, err := t.is()
		list = append(list, presence("tunnel", t.String(), is, err))
	}
	wanted := maps.Clone(d.Assumed)
	if wanted == nil {
		wanted = map[string]string{}
	}
	maps.Copy(wanted, d.Sysctls)
	for _, name := range inOrder(wanted) {
		i := Item{Kind: "sysctl", Name: name, Want: wanted[name]}
		has, err := r.read(name)
		if i.OK = err == nil && same(has, i.Want); err == nil {
			i.Have = has
		} else {
			i.Have = "missing"
		}
		list = append(list, i)
	}
	if len(d.Local) > 0 {
		_, have, err := localAddresses()
		for _, a := range d.Local {
			is := slices.ContainsFunc(have, func(l localAddress) bool { return l.address == a })
			list = append(list, presence("address", a.String()+" on lo", is, err))
		}
	}
	for _, g := range d.Gateways {
		is, err := inPlace(g)
		list = append(list, presence("route", "default via "+g.String(), is, err))
	}
	found, has, exact, err := r.nft.read()
	sizes, unread := r.segments(d.Clamps)
	// Which cards the other directors have is not for this to find out.
	if rules := rulesetOf(d, has["directors"], sizes); len(rules) > 0 {
		list = append(list, presence("nftables", "table inet "+tableName, found && exact && has.equal(rules), errors.Join(explained(err), unread)))
	}
	return list
}

// presence is an item that is there or is not.
func presence(kind, name string, is bool, err error) Item {
	i := Item{Kind: kind, Name: name, Want: "present", Have: "present", OK: is && err == nil}
	if err != nil {
		i.Have = err.Error()
	} else if !is {
		i.Have = "missing"
	}
	return i
}
