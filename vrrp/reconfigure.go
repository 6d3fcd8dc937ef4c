package vrrp

import "slices"

// configure is [Engine.Configure] in the loop.
func (e *Engine) configure(groups []GroupConfig, adopt map[string]Record) {
	if e.stopping {
		return
	}
	wanted := make(map[string]bool, len(groups))
	e.order = e.order[:0]
	for _, c := range groups {
		wanted[c.Name] = true
		e.order = append(e.order, c.Name)
	}
	for name, el := range e.groups {
		if !wanted[name] {
			e.retire(el, Cause{Kind: CauseConfiguration, Detail: "the group is no longer configured"})
		}
	}
	e.openPorts(groups)
	for _, c := range groups {
		if el := e.groups[c.Name]; el != nil {
			e.reconfigure(el, c)
			continue
		}
		el := e.admit(c)
		el.links = e.routerLinks(c)
		e.step(el, Input{Kind: InputLinks, Links: el.links})
		e.step(el, Input{Kind: InputHealth, Health: e.health[c.Name]})
		e.step(el, Input{Kind: InputStart, Record: adopt[c.Name]})
	}
	e.index()
	e.relink()
}

// reconfigure changes a group that is there, be it on its way out.
func (e *Engine) reconfigure(el *elector, c GroupConfig) {
	old, before, devices := el.group.Config, el.all, el.none.Devices
	links := e.routerLinks(c)
	el.links = links
	el.configured(old, c, e.now) // the adverts of this very step need it
	e.step(el, Input{Kind: InputConfigure, Config: c, Links: links})
	if el.retired {
		el.retired, el.giveUpAt = false, Never
		e.step(el, Input{Kind: InputStart})
	}
	if el.group.Hold && !before.equal(el.all) || !slices.Equal(devices, el.none.Devices) {
		e.want(el)
		e.schedule(el)
	}
}

// routerKey is how a received advert finds its router.
type routerKey struct {
	iface string
	ipv6  bool
	vrid  uint8
}

type routerRef struct {
	el *elector
	i  int
}

// index rebuilds the way from adverts to routers. Groups that are on their way
// out hear too, as long as no other one has taken their place.
func (e *Engine) index() {
	clear(e.routers)
	for _, retired := range []bool{true, false} {
		for _, el := range e.groups {
			if el.retired != retired {
				continue
			}
			for i, rc := range el.group.Config.Routers {
				e.routers[routerKey{rc.Interface, rc.IPv6(), rc.VRID}] = routerRef{el, i}
			}
		}
	}
}
