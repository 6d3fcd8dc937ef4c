package conf

var addressSection = Section{
	Path: "virtual_router.NAME.addresses",
	Keys: []Key{
		{Name: "address", Type: Prefix, Required: true, Example: `"172.20.10.4/28"`,
			Doc: "The address with its subnet's prefix length."},
		{Name: "interface", Type: String, PerDirector: true, Implied: "the virtual router's", Example: `"eth3"`, valid: interfaceName,
			Doc: "The interface that the address is held and announced on. Without it the group is in fault, as without the virtual router's own."},
		{Name: "label", Type: String, PerDirector: true, Implied: "the interface's name", Example: `"eth2:vip"`, valid: addressLabel,
			Doc: "What `ip addr` and programs of old call an IPv4 address: the interface's name, a colon and more, 15 bytes at most. Linux takes any label, but programs look for the interface by what stands before the colon."},
		{Name: "scope", Type: String, Values: []string{"global", "site", "link", "host"}, Implied: "global", Example: `"link"`,
			Doc: "How far an IPv4 address reaches. One that is not global is not chosen as the source of what goes further. Linux wants one scope for all addresses of a subnet on an interface; of an IPv6 address it tells the scope by itself."},
		{Name: "noprefixroute", Type: Bool, Default: "false",
			Doc: "The address brings no route to its subnet along."},
		{Name: "advertise", Type: Bool, Default: "true",
			Doc: "Whether the adverts list the address. One that they do not list moves with the others, beyond what an advert has room for; it has the family of the virtual router too. The link-local address of IPv6 is always advertised, and so is at least one of IPv4."},
	},
}
