package conf

// maxTimeout is the longest of the kernel's timeouts that it takes whatever its
// HZ is: more than INT_MAX/HZ seconds are refused (ip_vs_ctl.c,
// ip_vs_set_timeout), and HZ is at most 1000.
const maxTimeout = 24 * 86400 * sec

var ipvsSection = Section{
	Path:   "ipvs",
	Header: "[ipvs]",
	Keys: []Key{
		{Name: "on_stop", Type: String, Values: []string{"keep", "remove"}, Default: `"keep"`,
			Doc: "What a stop does with the table: keep it, with the guard and the sync daemons, for the next start, so that connections go on; or remove what is ours, once the addresses are off and the connections have ended."},
		{Name: "stop_timeout", Type: Duration, Min: 0, Max: 3600 * sec, Default: `"30s"`,
			Doc: "How long a stop that removes the table waits for connections to end."},
		{Name: "resync", Type: Duration, Min: 100 * ms, Max: 3600 * sec, Default: `"1s"`,
			Doc: "How soon a change that someone else made to our part of the kernel's table is put back."},
		{Name: "tcp_timeout", Type: Duration, Min: 0, Max: maxTimeout, Step: sec, Default: `"0s"`, Example: `"15m"`, Aside: true,
			Doc: "How long the kernel keeps an idle TCP connection, as ipvsadm --set does for every service of the machine. 0s leaves it as it is, which is 15m on a kernel that nobody has told otherwise."},
		{Name: "tcpfin_timeout", Type: Duration, Min: 0, Max: maxTimeout, Step: sec, Default: `"0s"`, Example: `"2m"`, Aside: true,
			Doc: "How long the kernel keeps a TCP connection after a FIN. 0s leaves it as it is."},
		{Name: "udp_timeout", Type: Duration, Min: 0, Max: maxTimeout, Step: sec, Default: `"0s"`, Example: `"5m"`, Aside: true,
			Doc: "How long the kernel keeps what it knows of a UDP flow after its last datagram. 0s leaves it as it is."},
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
		{Name: "group", Type: Address, Default: `"224.0.0.81"`,
			Doc: "The multicast group, of IPv4 or, as ff02::81, of IPv6: connections of both families travel by either. With one of IPv6 the interface has to have IPv6."},
		{Name: "port", Type: Integer, Min: 1, Max: 65535, Default: "8848",
			Doc: "The UDP port."},
		{Name: "ttl", Type: Integer, Min: 1, Max: 255, Default: "1",
			Doc: "The datagrams' time to live, or hop limit."},
		{Name: "maxlen", Type: Integer, Min: 1024, Max: 65487, Implied: "what the interface's MTU has room for", Example: "8940", Aside: true,
			Doc: "The longest message in bytes, without IP and UDP headers (ipvsadm --sync-maxlen), the same on all directors: of the range that the kernel takes for both roles and families."},
	},
}
