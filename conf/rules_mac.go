package conf

import "failover/vrrp"

// macRules find what a virtual MAC address cannot go with.
func (b *builder) macRules(e *entry, r VirtualRouter) {
	at := e.get("virtual_mac")
	if !r.VirtualMAC || at.bad {
		return
	}
	if r.Transport == vrrp.Unicast && e.ok("transport") {
		// Switches learn from every advert where the address is. By unicast they would
		// learn it at a take-over and forget it within minutes.
		b.contradict(at, `write transport = "multicast", or leave virtual_mac out`,
			"needs multicast adverts, by which switches learn where the address is")
	}
	for _, d := range b.d.Directors {
		if r.Interface.For(d.Name) == "lo" && e.ok("interface") {
			b.contradict(e.get("interface").forDirector(d.Name), "", "lo has no MAC address; virtual_mac needs an ethernet interface")
			return
		}
		if r.Priority.For(d.Name) == owner && e.ok("priority") {
			// The owner has the addresses on the interface for good, and the kernel answers
			// for them with the interface's own MAC address.
			b.contradict(at, "give it a priority below 255", "cannot go with priority 255 on %s, whose own addresses are at its interface's own MAC address", d.Name)
			return
		}
	}
}
