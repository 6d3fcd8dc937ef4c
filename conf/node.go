package conf

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"failover/lvs"
	"failover/vrrp"
)

// NodeFor finds the director that this machine is: by the flag if there is one,
// else by the machine's full, then by its short host name.
func (d Deployment) NodeFor(flag, hostname string) (Node, error) {
	if flag != "" {
		return d.Node(flag)
	}
	short, _, _ := strings.Cut(hostname, ".")
	for _, name := range []string{hostname, short} {
		if _, ok := d.director(name); ok {
			return d.Node(name)
		}
	}
	return Node{}, fmt.Errorf("conf: no director is named after this host, %q: the file has %s; choose one with --node",
		hostname, d.directorNames())
}

// Node is what one director does.
func (d Deployment) Node(name string) (Node, error) {
	self, ok := d.director(name)
	if !ok {
		return Node{}, fmt.Errorf("conf: no director is named %q: the file has %s", name, d.directorNames())
	}
	n := Node{
		Name:      name,
		Addresses: self.Addresses,
		Daemon:    d.Daemon,
		Groups:    d.groups(self),
		Servers:   d.VirtualServers,
		IPVS:      d.IPVS,
		Tracks:    d.tracks(name),
		Follow:    d.follow(),
		Hooks:     d.hooks(),
		Sync:      d.sync(name),
		Digest:    d.Digest(),
	}
	n.PublicKey, n.PeerLink = self.PublicKey, d.linked()
	for _, other := range d.Directors {
		if other.Name != name {
			n.Peers = append(n.Peers, other)
		}
	}
	return n, nil
}

// linked tells whether there is a peer link: every director has a key, and there are
// two of them.
func (d Deployment) linked() bool {
	return len(d.Directors) > 1 && !slices.ContainsFunc(d.Directors, func(x Director) bool { return x.PublicKey == "" })
}

func (d Deployment) director(name string) (Director, bool) {
	i := slices.IndexFunc(d.Directors, func(x Director) bool { return x.Name == name })
	if i < 0 {
		return Director{}, false
	}
	return d.Directors[i], true
}

func (d Deployment) directorNames() string {
	var list []string
	for _, x := range d.Directors {
		list = append(list, x.Name)
	}
	return strings.Join(list, ", ")
}

// groups resolves the virtual routers for one director. A group stands where its
// first router stands in the file.
func (d Deployment) groups(self Director) []vrrp.GroupConfig {
	var list []vrrp.GroupConfig
	for _, r := range d.VirtualRouters {
		i := slices.IndexFunc(list, func(g vrrp.GroupConfig) bool { return g.Name == r.Group })
		if i < 0 {
			i = len(list)
			list = append(list, vrrp.GroupConfig{
				Name:         r.Group,
				Priority:     r.Priority.For(self.Name),
				Full:         d.full(r, self),
				Preempt:      r.Preempt.For(self.Name),
				PreemptDelay: r.PreemptDelay.For(self.Name),
			})
		}
		addresses := make([]vrrp.Address, len(r.Addresses))
		for j, a := range r.Addresses {
			addresses[j] = a.on(self.Name)
		}
		list[i].Routers = append(list[i].Routers, vrrp.RouterConfig{
			Name:      r.Name,
			Interface: r.Interface.For(self.Name),
			VRID:      r.VRID,
			Version:   r.Version,
			Interval:  r.Interval,
			Addresses: addresses,
			Source:    d.source(r, self),
			Transport: r.Transport,
			Peers:     d.peers(r, self),
			Checksum:  r.Checksum,
			Auth:      vrrp.Password(r.Auth.Value()),
			Lease:     r.Lease,
			Announce:  r.Announce,
			Routes:    r.Routes.For(self.Name),
			Rules:     r.Rules.For(self.Name),
			Fellows:   d.fellows(r, self),

			VirtualMAC:   r.VirtualMAC,
			NoAccept:     r.NoAccept,
			Incompatible: r.Incompatible,
			OtherOwner:   d.otherOwner(r, self),
		})
	}
	return list
}

// otherOwner tells whether another director owns a router's addresses.
func (d Deployment) otherOwner(r VirtualRouter, self Director) bool {
	return slices.ContainsFunc(d.Directors, func(x Director) bool {
		return x.Name != self.Name && r.Priority.For(x.Name) == owner
	})
}

// source is the sender's address of a director's adverts: the one that is
// written, else the director's own address where a virtual router on the same
// interface has it in its subnet. Invalid: the file does not tell, the interface
// decides; so it does for multicast over IPv6, which comes from a link-local
// address.
func (d Deployment) source(r VirtualRouter, self Director) netip.Addr {
	if s := r.Source.For(self.Name); s.IsValid() {
		return s
	}
	if r.IPv6() && r.Transport == vrrp.Multicast {
		return netip.Addr{}
	}
	iface := r.Interface.For(self.Name)
	for _, own := range self.Addresses {
		if own.Is6() != r.IPv6() {
			continue
		}
		for _, on := range d.VirtualRouters {
			for _, a := range on.Addresses {
				// In this order: a thousand routers look at a thousand addresses.
				if a.contains(own) && on.heldOn(a, self.Name) == iface {
					return own
				}
			}
		}
	}
	return netip.Addr{}
}

// peers are the receivers of unicast adverts: the other directors, then the
// routers outside the file.
func (d Deployment) peers(r VirtualRouter, self Director) []netip.Addr {
	if r.Transport != vrrp.Unicast {
		return nil
	}
	var list []netip.Addr
	for _, other := range d.Directors {
		if other.Name != self.Name {
			list = append(list, d.source(r, other))
		}
	}
	return append(list, r.Peers...)
}

// sync is both roles of connection synchronisation: the kernel runs them side
// by side, so that a change of role needs no change here.
func (d Deployment) sync(name string) []lvs.Sync {
	s := d.IPVS.Sync
	if s == nil || !s.Enabled {
		return nil
	}
	var list []lvs.Sync
	for _, role := range []lvs.Role{lvs.SyncMaster, lvs.SyncBackup} {
		list = append(list, lvs.Sync{Role: role, Interface: s.Interface.For(name), ID: s.ID, Group: s.Group, Port: s.Port, TTL: s.TTL, MaxLen: s.MaxLen})
	}
	return list
}
