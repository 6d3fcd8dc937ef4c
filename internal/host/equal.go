package host

import (
	"maps"
	"slices"
)

// Equal tells whether two wishes are the same. The guard may have a hundred thousand
// addresses.
func (d Desired) Equal(o Desired) bool {
	return slices.Equal(d.Modules, o.Modules) &&
		(d.Sysctls == nil) == (o.Sysctls == nil) && maps.Equal(d.Sysctls, o.Sysctls) && maps.Equal(d.Assumed, o.Assumed) &&
		d.Guard.equal(o.Guard) && d.Marks.equal(o.Marks) && slices.Equal(d.Masquerade, o.Masquerade) &&
		slices.Equal(d.Local, o.Local) && slices.Equal(d.Tunnels, o.Tunnels) &&
		slices.Equal(d.Gateways, o.Gateways) && slices.Equal(d.Clamps, o.Clamps)
}

func (g Guard) equal(o Guard) bool {
	return slices.Equal(g.Services, o.Services) && slices.Equal(g.Marked, o.Marked) && slices.Equal(g.Replies, o.Replies) &&
		slices.Equal(g.Refusals, o.Refusals) && slices.Equal(g.Closed, o.Closed) && slices.Equal(g.Here, o.Here)
}

func (m Marks) equal(o Marks) bool {
	return slices.Equal(m.Services, o.Services) && slices.Equal(m.Directors, o.Directors) && slices.Equal(m.Tunnels, o.Tunnels)
}
