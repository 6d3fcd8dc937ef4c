package conf

// schedulers are the kernel's, as ipvsadm(8) names them.
var schedulers = []string{"rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "mh", "sed", "nq", "fo", "ovf"}

const (
	// ownMarks is where the firewall marks begin that this program keeps for itself.
	ownMarks = 0xF0000000
	// maxPersistence is as long as ipvsadm(8) takes it, 31 days.
	maxPersistence = 31 * 86400 * sec
)

var serverSection = Section{
	Path:   "virtual_server.NAME",
	Header: "[virtual_server.web]",
	Keys: []Key{
		{Name: "address", Type: Endpoint, NoPort: true, Example: `"172.20.10.4:80"`,
			Doc: "Where clients connect: address and port, IPv6 in brackets. One of address, addresses and fwmark is required. An address alone stands for every port that no other virtual server has; the kernel does that with persistence only."},
		{Name: "addresses", Type: Endpoint, NoPort: true, Arity: Many, Example: `["172.20.10.4:80", "[2001:db8::4]:80"]`, Aside: true,
			Doc: "Several of them, of either family: each is a service of its own with the same real servers, which are checked once."},
		{Name: "fwmark", Type: Integer, Min: 1, Max: 1<<32 - 1, Example: "7", Aside: true,
			Doc: "A firewall mark: whatever carries it is one service, which several ports or addresses with common persistence need. 0xF0000000 and above are reserved for this program."},
		{Name: "family", Type: String, Values: []string{"ipv4", "ipv6"}, Implied: "that of match, else ipv4", Example: `"ipv4"`, Aside: true,
			Doc: "The family of a service by firewall mark."},
		{Name: "match", Type: String, Arity: Many, Default: "[]", Example: `["tcp 172.20.10.4:80", "tcp 172.20.10.4:443"]`, Aside: true, valid: matchText,
			Doc: "What carries the firewall mark: protocol, address and port each. The marks are set by this program, in its nftables table. Empty: somebody else sets them, and virtual_router is required."},
		{Name: "virtual_router", Type: String, Implied: "the router that has the address", Example: `"outside"`, valid: name,
			Doc: "The virtual router that has the address. \"none\" where the address is not one of a virtual router, as in a block that is routed to the directors."},
		{Name: "protocol", Type: String, Arity: OneOrMany, Values: []string{"tcp", "udp", "sctp"}, Default: `"tcp"`,
			Doc: "The transport protocol; of a list each is a service of its own with the same real servers. Not with fwmark."},
		{Name: "scheduler", Type: String, Values: schedulers, Default: `"wlc"`, Example: `"rr"`,
			Doc: "The kernel's scheduler, see ipvsadm(8)."},
		{Name: "scheduler_flags", Type: String, Arity: Many, Values: []string{"sh-port", "sh-fallback", "mh-port", "mh-fallback"}, Implied: `["mh-fallback"] with mh, else none`, Example: `["mh-fallback", "mh-port"]`, Aside: true,
			Doc: "Of sh and mh: the client's port counts too, and clients of a server that takes no connections go to another one. mh without mh-fallback refuses them."},
		{Name: "forward", Type: String, Values: []string{"nat", "dr", "tun"}, Default: `"nat"`,
			Doc: "How packets reach the real servers: address translation both ways, direct routing, or a tunnel. With nat the servers' gateway is the one address of the service's group whose subnet contains them. dr and tun cannot change the port; only tun reaches servers of the other family, and not beside [ipvs.sync]."},
		{Name: "tunnel", Type: Table, Section: &tunnelSection, Example: `{ type = "gue", port = 6080 }`, Aside: true,
			Doc: "The encapsulation of forward tun."},
		{Name: "persistence", Type: Duration, Min: 0, Max: maxPersistence, Step: sec, Default: `"0s"`, Example: `"5m"`, Aside: true,
			Doc: "How long after its last connection a client stays with its server. 0s for not at all."},
		{Name: "persistence_mask", Type: Integer, Min: 1, Max: 128, Implied: "the whole address", Example: "24", Aside: true,
			Doc: "How many bits of a client's address count for persistence: up to 32 of IPv4, up to 128 of IPv6."},
		{Name: "persistence_engine", Type: String, Values: []string{"", "sip"}, Default: `""`, Example: `"sip"`, Aside: true,
			Doc: "What else a persistent client is known by: sip, the Call-ID of SIP over UDP."},
		{Name: "one_packet", Type: Bool, Default: "false",
			Doc: "Schedule every UDP datagram by itself (ipvsadm -o). Not with forward nat, whose replies would not be translated, nor with persistence."},
		{Name: "masquerade", Type: Bool, Default: "false",
			Doc: "Give forwarded packets the director's own source address too, for servers that do not route back through it. With forward nat only. The servers do not see the clients' addresses, and the connections break when the master changes."},
		{Name: "quorum", Type: Integer, Min: 1, Max: maxCount, Default: "1",
			Doc: "The sum of the weights of servers that must be up. Below it the sorry server takes over, if there is one."},
		{Name: "hysteresis", Type: Integer, Min: 0, Max: maxCount, Default: "0",
			Doc: "A quorum that is up is lost when the sum falls below quorum less hysteresis, and one that is lost is there again from quorum plus hysteresis on."},
		{Name: "sorry_server", Type: Endpoint, NoPort: true, Default: `""`, Example: `"192.168.33.99:80"`, Aside: true,
			Doc: "A server that takes over while the quorum is lost, by the virtual server's forwarding method; it is not checked."},
		{Name: "on_failure", Type: String, Values: []string{"remove", "quiesce"}, Implied: `"quiesce" with mh, else "remove"`, Example: `"remove"`,
			Doc: "What becomes of a real server that is down: removed from the table, or left in it with weight 0. mh always quiesces, for a removal moves clients of other servers. Of dh, and of sh without sh-fallback, a quiesced server's clients are refused, so they cannot."},
		{Name: "on_server_down", Type: String, Values: []string{"keep", "expire"}, Implied: "\"expire\" for udp where [ipvs.sync] is on, else \"keep\"", Example: `"keep"`,
			Doc: "What becomes of the connections of a real server that its checks have found down: kept, in case it comes back, or given to servers that are up, so that a UDP client that never closes its port is answered again and one of TCP is reset instead of left waiting. That takes [ipvs.sync]. See docs/servers.md."},
		{Name: "drain", Type: Table, Section: &drainSection,
			Doc: "How failover drain goes about it."},
		{Name: "notify", Type: String, Arity: Many, Default: "[]", Example: `["/usr/local/bin/notify", "--verbose"]`, Aside: true,
			Doc: "A program that is told when the quorum or a real server has changed: by its absolute path, with its arguments. It runs as daemon.script_user and has 10s. See docs/hooks.md."},
		{Name: "check", Type: Table, Arity: OneOrMany, Section: &checkSection, Default: "[]",
			Doc: "The check of every real server that has none of its own. Of a list all must pass; without a check a server counts as up."},
		{Name: "real_server", Type: Table, Arity: Many, Section: &realSection, Required: true,
			Doc: "A real server, as [[virtual_server.NAME.real_server]] or as an element of a list of inline tables. Their order is kept."},
	},
}

var drainSection = Section{
	Path:   "virtual_server.NAME.drain",
	Header: "[virtual_server.web.drain]",
	Keys: []Key{
		{Name: "timeout", Type: Duration, Min: 0, Max: 7 * 86400 * sec, Default: `"0s"`, Example: `"10m"`,
			Doc: "How long a drained server keeps its last connections before it is removed all the same. 0s for as long as it takes."},
	},
}
