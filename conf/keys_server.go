package conf

// schedulers are the kernel's, as ipvsadm(8) names them.
var schedulers = []string{"rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "mh", "sed", "nq", "fo", "ovf"}

var serverSection = Section{
	Path:   "virtual_server.NAME",
	Header: "[virtual_server.web]",
	Keys: []Key{
		{Name: "address", Type: Endpoint, IPv4: true, Required: true, Example: `"172.20.10.4:80"`,
			Doc: "Where clients connect: address and port."},
		{Name: "virtual_router", Type: String, Implied: "the router that has the address", Example: `"outside"`, valid: name,
			Doc: "The virtual router that has the address. \"none\" where the address is not one of a virtual router, as in a block that is routed to the directors."},
		{Name: "protocol", Type: String, Values: []string{"tcp", "udp"}, Default: `"tcp"`,
			Doc: "The transport protocol."},
		{Name: "scheduler", Type: String, Values: schedulers, Default: `"wlc"`, Example: `"rr"`,
			Doc: "The kernel's scheduler, see ipvsadm(8). mh is used with its fallback flag: without it, clients of a server that is out are refused."},
		{Name: "forward", Type: String, Values: []string{"nat", "dr", "tun"}, Default: `"nat"`,
			Doc: "How packets reach the real servers: address translation both ways, direct routing, or IP-in-IP. With nat the servers' gateway is the one address of the service's group whose subnet contains them. dr and tun cannot change the port."},
		{Name: "check", Type: Table, Arity: OneOrMany, Section: &checkSection, Default: "[]",
			Doc: "The check of every real server that has none of its own. Of a list all must pass; without a check a server counts as up."},
		{Name: "real_server", Type: Table, Arity: Many, Section: &realSection, Required: true,
			Doc: "A real server, as [[virtual_server.NAME.real_server]] or as an element of a list of inline tables. Their order is kept."},
	},
}

var realSection = Section{
	Path:   "virtual_server.NAME.real_server",
	Header: "[[virtual_server.web.real_server]]",
	Keys: []Key{
		{Name: "name", Type: String, Implied: "the address", Example: `"web1"`, valid: name,
			Doc: "How status, events and commands call it; unique in its virtual server."},
		{Name: "address", Type: Endpoint, IPv4: true, Required: true, Example: `"192.168.33.92:80"`,
			Doc: "Address and port of the service on the real server."},
		{Name: "weight", Type: Integer, Min: 0, Max: 65535, Default: "1",
			Doc: "Share of new connections where the scheduler knows weights, in the range of ipvsadm(8). 0 takes no new connections and keeps those it has."},
		{Name: "forward", Type: String, Values: []string{"nat", "dr", "tun"}, Implied: "the virtual server's",
			Example: `"nat"`, Aside: true,
			Doc: "Forwarding method of this server."},
		{Name: "check", Type: Table, Arity: OneOrMany, Section: &checkSection, Implied: "the virtual server's",
			Example: `{ kind = "tcp" }`, Aside: true,
			Doc: "Its own check, or list of checks, instead of the virtual server's. An empty list for none."},
	},
	Trailer: `[[virtual_server.web.real_server]]
name = "web2"
address = "192.168.33.93:80"
`,
}

// webKinds and tlsKinds are the kinds of check that speak HTTP and TLS.
var (
	webKinds  = []string{"http", "https"}
	tlsKinds  = []string{"https"}
	execKinds = []string{"exec"}
)

var checkSection = Section{
	Path:   "virtual_server.NAME.check",
	Header: "[virtual_server.web.check]",
	Keys: []Key{
		{Name: "kind", Type: String, Values: []string{"tcp", "http", "https", "exec"}, Required: true, Example: `"https"`,
			Doc: "What is asked of the server, at its own address and port: that it accepts a connection, that it answers a request, or that a program of yours says so."},
		{Name: "interval", Type: Duration, Min: 100 * ms, Max: 3600 * sec, Default: `"2s"`,
			Doc: "From the start of one probe to the start of the next."},
		{Name: "timeout", Type: Duration, Min: 10 * ms, Max: 3600 * sec, Implied: "the smaller of 1s and the interval", Example: `"1s"`,
			Doc: "Total deadline of a probe, connecting included. At most the interval, so that probes never overlap and a dead server is out after fall intervals and one timeout."},
		{Name: "rise", Type: Integer, Min: 1, Max: 100, Default: "2",
			Doc: "Successes in a row until a server that was down is up. The first verdict needs one result."},
		{Name: "fall", Type: Integer, Min: 1, Max: 100, Default: "3",
			Doc: "Failures in a row until a server that was up is down."},
		{Name: "method", Type: String, Kinds: webKinds, Values: []string{"GET", "HEAD", "OPTIONS", "POST"}, Default: `"GET"`,
			Doc: "The request's method."},
		{Name: "path", Type: String, Kinds: webKinds, Default: `"/"`, valid: requestPath,
			Doc: "The request's path, with its query if any."},
		{Name: "host", Type: String, Kinds: webKinds, Implied: "the server's address", Example: `"www.example.org"`, valid: hostHeader,
			Doc: "The Host header."},
		{Name: "headers", Type: StringMap, Kinds: webKinds, Default: "{}", Example: `{ X-Probe = "failover" }`, valid: headerName,
			Doc: "More headers of the request."},
		{Name: "status", Type: String, Kinds: webKinds, Arity: Many, Default: `["200-299"]`, valid: statusRange,
			Doc: "The status codes that mean up: codes or ranges. A redirect is not followed."},
		{Name: "body", Type: String, Kinds: webKinds, Free: true, Default: `""`, Example: `"welcome"`,
			Doc: "Text that must occur in the answer's body."},
		{Name: "server_name", Type: String, Kinds: tlsKinds, Implied: "the host", Example: `"www.example.org"`, valid: hostName,
			Doc: "The name sent by SNI and looked for in the certificate."},
		{Name: "ca_file", Type: String, Kinds: tlsKinds, Implied: "the system's authorities", Example: `"/etc/failover/ca.pem"`, valid: absolutePath,
			Doc: "PEM file of the authorities that may have signed the certificate."},
		{Name: "insecure_skip_verify", Type: Bool, Kinds: tlsKinds, Default: "false",
			Doc: "Accept any certificate."},
		{Name: "argv", Type: String, Kinds: execKinds, Arity: Many, Example: `["/usr/local/bin/check-web", "--fast"]`, Aside: true,
			Doc: "The program, by its absolute path, and its arguments; no shell is involved. Exit status 0 means up. Required."},
		{Name: "user", Type: String, Kinds: execKinds, Implied: "daemon.script_user", Example: `"nobody"`, Aside: true, valid: userName,
			Doc: "Who runs it."},
	},
}

var ipvsSection = Section{
	Path:   "ipvs",
	Header: "[ipvs]",
	Keys: []Key{
		{Name: "resync", Type: Duration, Min: 100 * ms, Max: 3600 * sec, Default: `"1s"`,
			Doc: "How soon a change that someone else made to our part of the kernel's table is put back."},
		{Name: "sync", Type: Table, Section: &syncSection,
			Doc: "Connection synchronisation between the directors, so that connections outlive a switch. On when this table is present; both roles run on every director."},
	},
}

var syncSection = Section{
	Path:   "ipvs.sync",
	Header: "[ipvs.sync]",
	Keys: []Key{
		{Name: "enabled", Type: Bool, Default: "true",
			Doc: "Whether it runs."},
		{Name: "interface", Type: String, PerDirector: true, Implied: "the one that has the director's address", Example: `"eth1"`, valid: interfaceName,
			Doc: "The interface it runs on."},
		{Name: "id", Type: Integer, Min: 1, Max: 255, Default: "51",
			Doc: "The sync ID: what other pairs on the same segment send is ignored. 0 is not allowed, the kernel takes it for every ID."},
		{Name: "group", Type: Address, IPv4: true, Default: `"224.0.0.81"`,
			Doc: "The multicast group."},
		{Name: "port", Type: Integer, Min: 1, Max: 65535, Default: "8848",
			Doc: "The UDP port."},
		{Name: "ttl", Type: Integer, Min: 1, Max: 255, Default: "1",
			Doc: "The datagrams' time to live."},
	},
}
