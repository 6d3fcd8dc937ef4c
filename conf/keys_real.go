package conf

// MaxWeight is the largest weight: what ipvsadm(8) and the kernel's own signed
// comparison have room for.
const MaxWeight = 1<<31 - 1

// maxCount bounds what is counted alike: thresholds, and sums of weights.
const maxCount = MaxWeight

var realSection = Section{
	Path:   "virtual_server.NAME.real_server",
	Header: "[[virtual_server.web.real_server]]",
	Keys: []Key{
		{Name: "name", Type: String, Implied: "the address", Example: `"web1"`, valid: name,
			Doc: "How status, events and commands call it; unique in its virtual server."},
		{Name: "address", Type: Endpoint, NoPort: true, Required: true, Example: `"192.168.33.92:80"`,
			Doc: "Address and port of the service on the real server. With a firewall mark, or a virtual server of every port, the port may be left out: it is the client's then. A port written there is what checks connect to; only nat without persistence brings the clients to it too."},
		{Name: "weight", Type: Integer, Min: 0, Max: MaxWeight, Default: "1",
			Doc: "Share of new connections where the scheduler knows weights, in the range of ipvsadm(8). 0 takes no new connections and keeps those it has."},
		{Name: "forward", Type: String, Values: []string{"nat", "dr", "tun"}, Implied: "the virtual server's",
			Example: `"nat"`, Aside: true,
			Doc: "Forwarding method of this server."},
		{Name: "tunnel", Type: Table, Section: &tunnelSection, Implied: "the virtual server's", Example: `{ type = "gre" }`, Aside: true,
			Doc: "The encapsulation of this server's packets, as in the virtual server: the whole of it, not single keys."},
		{Name: "max_connections", Type: Integer, Min: 0, Max: maxCount, Default: "0", Example: "1000", Aside: true,
			Doc: "The upper threshold of IPVS (ipvsadm -x): with so many connections the server gets no new ones. 0 for none. Where all servers are full, clients are refused."},
		{Name: "min_connections", Type: Integer, Min: 0, Max: maxCount, Default: "0", Example: "800", Aside: true,
			Doc: "The lower threshold of IPVS (ipvsadm -y): a server that was full gets new connections again when it has fewer. 0 for three quarters of max_connections, which it needs."},
		{Name: "check", Type: Table, Arity: OneOrMany, Section: &checkSection, Implied: "the virtual server's",
			Example: `{ kind = "tcp" }`, Aside: true,
			Doc: "Its own check, or list of checks, instead of the virtual server's. An empty list for none."},
	},
	Trailer: `[[virtual_server.web.real_server]]
name = "web2"
address = "192.168.33.93:80"
`,
}

var tunnelSection = Section{
	Path: "virtual_server.NAME.tunnel",
	Keys: []Key{
		{Name: "type", Type: String, Values: tunnelTypes[:], Default: `"ipip"`, Example: `"gue"`,
			Doc: "IP in IP, generic routing encapsulation, or generic UDP encapsulation. gre and gue take Linux 5.3."},
		{Name: "port", Type: Integer, Min: 0, Max: 65535, Default: "0", Example: "6080",
			Doc: "The UDP port of gue on the real server; the others have none."},
		{Name: "checksum", Type: String, Values: tunnelChecksums[:], Default: `"none"`, Example: `"csum"`,
			Doc: "Checksums of the encapsulation: none; those of UDP or GRE (ipvsadm --tun-csum), not with ipip; or remote checksum offload (--tun-remcsum), with gue only."},
	},
}

// tunnelTypes and tunnelChecksums are the words for the kernel's numbers
// (include/uapi/linux/ip_vs.h).
var (
	tunnelTypes     = [...]string{"ipip", "gue", "gre"}
	tunnelChecksums = [...]string{"none", "csum", "remcsum"}
)
