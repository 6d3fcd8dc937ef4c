package vrrp

import (
	"maps"
	"slices"
)

// portKey names a port: there is one for each interface and family.
type portKey struct {
	iface string
	ipv6  bool
}

func portOf(rc *RouterConfig) portKey { return portKey{rc.Interface, rc.IPv6()} }

// port is one place where adverts are received.
type port struct {
	want  Port
	open  bool
	index int    // of the interface it was opened on
	fault string // why it did not open
}

// relink brings ports and groups in line with the interfaces there are.
func (e *Engine) relink() {
	e.openPorts(nil)
	for _, el := range e.groups {
		links := e.routerLinks(el.group.Config)
		if !slices.Equal(links, el.links) {
			el.links = links
			if len(el.none.Devices) > 0 && el.version > 0 {
				e.post(el) // a device goes with its interface, and comes back with it
			}
			e.step(el, Input{Kind: InputLinks, Links: links})
		}
	}
	e.closePorts()
	e.index()
}

// openPorts opens what the present groups and those that come need. A port on an
// interface that went and came again is opened anew.
func (e *Engine) openPorts(coming []GroupConfig) {
	wanted := e.wantedPorts(coming)
	e.reopenAt = Never
	for key, want := range wanted {
		p := e.ports[key]
		if p == nil {
			p = &port{want: want}
			e.ports[key] = p
		}
		link := e.links[key.iface]
		if p.open && (p.want != want || p.index != link.Index) {
			e.closePort(p)
		}
		p.want = want
		if p.open || link.Index == 0 {
			continue
		}
		if err := e.conn.Open(want); err != nil {
			if p.fault != err.Error() {
				e.herald.warn("an interface cannot be listened on", "interface", key.iface, "error", err.Error())
			}
			p.fault, e.reopenAt = err.Error(), e.now.Add(reopenEvery)
			continue
		}
		p.open, p.index, p.fault = true, link.Index, ""
	}
}

func (e *Engine) wantedPorts(coming []GroupConfig) map[portKey]Port {
	wanted := make(map[portKey]Port)
	add := func(c *GroupConfig) {
		for i := range c.Routers {
			rc := &c.Routers[i]
			key := portOf(rc)
			wanted[key] = Port{
				Interface: key.iface, IPv6: key.ipv6,
				Multicast: wanted[key].Multicast || rc.Transport != Unicast,
			}
		}
	}
	for _, el := range e.groups {
		add(&el.group.Config)
	}
	for i := range coming {
		add(&coming[i])
	}
	for i := range e.expected {
		add(&e.expected[i])
	}
	return wanted
}

func (e *Engine) closePorts() {
	wanted := e.wantedPorts(nil)
	for key, p := range e.ports {
		if _, ok := wanted[key]; !ok {
			if p.open {
				e.closePort(p)
			}
			delete(e.ports, key)
		}
	}
	maps.DeleteFunc(e.unmatched, func(iface string, _ *[rejectCount]uint64) bool { return !e.listens(iface) })
}

// listens tells whether there is a port on an interface.
func (e *Engine) listens(iface string) bool {
	return e.ports[portKey{iface, false}] != nil || e.ports[portKey{iface, true}] != nil
}

func (e *Engine) closePort(p *port) {
	p.open = false
	if err := e.conn.Close(p.want); err != nil {
		e.herald.warn("an interface could not be left", "interface", p.want.Interface, "error", err.Error())
	}
}

// routerLinks is what the machine says of the interfaces under a group: those of
// the adverts and those of the addresses. A router that cannot hear is as good as
// down: it would be master among masters.
func (e *Engine) routerLinks(c GroupConfig) []RouterLink {
	links := make([]RouterLink, len(c.Routers))
	for i := range c.Routers {
		rc := &c.Routers[i]
		r := RouterLink{Exists: true, Source: e.links[rc.Interface].Source4}
		if rc.IPv6() {
			r.Source = e.links[rc.Interface].Source6
		}
		for _, name := range rc.Interfaces() {
			l := e.links[name]
			r.Exists = r.Exists && l.Index != 0
			if r.Fault == "" {
				r.Fault = l.fault(name)
			}
		}
		if l := e.links[rc.Interface]; r.Fault == "" && rc.VirtualMAC && l.NoVirtualMAC != "" {
			r.Fault = rc.Interface + " can have no virtual MAC address: " + l.NoVirtualMAC
		}
		if p := e.ports[portOf(rc)]; r.Fault == "" && (p == nil || !p.open) {
			r.Fault = rc.Interface + " cannot be listened on"
			if p != nil && p.fault != "" {
				r.Fault = p.fault
			}
		}
		r.Usable = r.Fault == ""
		links[i] = r
	}
	return links
}

// fault says why an interface of this name is of no use; "" when it is.
func (l Link) fault(name string) string {
	switch {
	case l.Index == 0:
		return name + " is not there"
	case !l.Up:
		return name + " is down"
	case !l.Carrier:
		return name + " has no carrier"
	}
	return ""
}
