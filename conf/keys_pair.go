package conf

import "time"

// ms and sec are the units of the ranges below.
const (
	ms  = int64(time.Millisecond)
	sec = int64(time.Second)
)

// defaultListen is daemon.http_listen where the file says nothing: it must not
// open a port to a network that nobody asked for.
const defaultListen = "127.0.0.1:9650"

// fileSection is the file itself.
var fileSection = Section{
	Keys: []Key{
		{Name: "director", Type: Tables, Section: &directorSection, Required: true,
			Doc: "A director of the deployment. Every machine carries the same file; a director finds itself by --node NAME, else by its full, then its short host name. The order in the file is the order everywhere."},
		{Name: "daemon", Type: Table, Section: &daemonSection,
			Doc: "How the daemon runs on every director."},
		{Name: "virtual_router", Type: Tables, Section: &routerSection,
			Doc: "A virtual router: addresses that one director holds at a time, elected by VRRP."},
		{Name: "virtual_server", Type: Tables, Section: &serverSection,
			Doc: "A virtual server: one address and port, shared out to real servers by IPVS."},
		{Name: "ipvs", Type: Table, Section: &ipvsSection,
			Doc: "How the kernel's IPVS table is kept."},
	},
}

var directorSection = Section{
	Path:   "director.NAME",
	Header: "[director.lb1]",
	Keys: []Key{
		{Name: "address", Type: Address, Arity: OneOrMany, Required: true, Example: `"192.168.33.91"`,
			Doc: "The director's own address, never a virtual one. The source of its adverts where a virtual router's subnet contains it, and the place of connection synchronisation. A list gives several paths or families."},
		{Name: "priority", Type: Integer, Min: 1, Max: 254, Default: "100", Example: "150",
			Doc: "Priority of this director in every virtual router that does not say otherwise. The highest one becomes master."},
		{Name: "public_key", Type: String, Default: `""`, Example: `"m/Kxl4XYw7nNQ3J0q8r5TzvVb1sPcA2dEfGhIjKlMn0="`, valid: publicKey,
			Doc: "The public half of the director's key, as failover keygen prints it. With one on every director the peer link between them is on. See docs/peer.md."},
	},
	Trailer: `[director.lb2]
address = "192.168.33.94"
priority = 100
`,
}

var daemonSection = Section{
	Path:   "daemon",
	Header: "[daemon]",
	Keys: []Key{
		{Name: "socket", Type: String, Default: `"/run/failover/failover.sock"`, valid: socketPath,
			Doc: "Path of the control socket, mode 0660, owner root:failover; without such a group 0600 and one warning."},
		{Name: "state_dir", Type: String, Default: `"/var/lib/failover"`, valid: absolutePath,
			Doc: "Directory of what must outlive a restart."},
		{Name: "private_key", Type: String, Default: `"/etc/failover/node.key"`, valid: absolutePath,
			Doc: "The file of this director's private key, made by failover keygen, for the peer link. Nobody but root may read it."},
		{Name: "peer_port", Type: Integer, Min: 1, Max: 65535, Default: "9651",
			Doc: "The TCP port of the peer link, at every address of every director."},
		{Name: "http_listen", Type: Listen, PerDirector: true, Default: `"` + defaultListen + `"`,
			Doc: "Where /metrics, /status.json and /healthz are served over HTTP, to anybody who can connect: there is no password and no TLS. The default is this machine only. An address of the machine opens them to its network, 0.0.0.0 or [::] (IPv4 too) to every network, the virtual addresses included. IPv6 goes in brackets. \"\" turns them off."},
		{Name: "log_level", Type: String, Values: []string{"debug", "info", "warn", "error"}, Default: `"info"`,
			Doc: "The least important message that is logged."},
		{Name: "log_format", Type: String, Values: []string{"text", "json"}, Default: `"text"`,
			Doc: "The form of the log, on standard error."},
		{Name: "realtime", Type: Bool, Default: "true",
			Doc: "Real-time priority and locked memory for the engine, the process that elects, where the machine permits it."},
		{Name: "script_user", Type: String, Default: `"failover-script"`, valid: userName,
			Doc: "Who runs exec checks, exec tracks and hooks. Never root unless written here; a missing user is an error only where one is needed."},
		{Name: "manage_sysctl", Type: Bool, Default: "true",
			Doc: "Set the sysctls that the configuration needs. What was changed is logged and put back by release."},
	},
}

var routerSection = Section{
	Path:   "virtual_router.NAME",
	Header: "[virtual_router.outside]",
	Keys: []Key{
		{Name: "interface", Type: String, PerDirector: true, Required: true, Example: `{ lb1 = "eth2", lb2 = "ens5" }`, valid: interfaceName,
			Doc: "The interface that the adverts and the addresses are on."},
		{Name: "vrid", Type: Integer, Min: 1, Max: 255, Required: true, Example: "51",
			Doc: "The virtual router identifier (RFC 9568 section 5.2.3), unique on its interface and in its family."},
		{Name: "addresses", Type: Prefix, Arity: Many, Section: &addressSection, Required: true, Example: `["172.20.10.4/28"]`,
			Doc: "The virtual addresses with their subnet's prefix length, all of one family: up to 255 of IPv4, which an advert counts in one byte (RFC 9568 section 5.2.5), or up to 77 of IPv6, which fit into one packet on every link. The first one of IPv6 is the virtual router's link-local address (section 5.2.9), which hosts route through; where none is written it is made of the VRID as if from the virtual router's MAC address (section 7.3), fe80::200:5eff:fe00:233 for VRID 51. An address that needs more than that is a table of its own."},
		{Name: "priority", Type: Integer, PerDirector: true, Min: 1, Max: 255, Implied: "the director's", Example: "{ lb1 = 150, lb2 = 100 }",
			Doc: "The highest priority becomes master. 255 is for the one director that owns the addresses, having them on the interface for good (RFC 9568 section 5.2.4): it is master whenever it runs, its own address is never touched, and it goes on answering for it when only the daemon stops. An owned address that the interface lacks is added like any other. The other directors hear the owner speak from the very address that they stand in for: that takes accept_local on the interface, which is set where the owner is a director of this file. The members of a group have the same one on each director."},
		{Name: "version", Type: Integer, Min: 2, Max: 3, Default: "3",
			Doc: "The version of VRRP: 3 (RFC 9568), or 2 (RFC 3768) for neighbours that know nothing else, with IPv4 and whole seconds only. All routers of a VRID speak the same one."},
		{Name: "advert_interval", Type: Duration, Min: 10 * ms, Max: 255 * sec, Step: 10 * ms, Default: `"1s"`,
			Doc: "How often the master advertises: with version 3 at most 40.95s, with version 2 whole seconds, the same for all routers of the VRID. A backup takes over when it has heard nothing for three intervals and its skew time."},
		{Name: "preempt", Type: Bool, PerDirector: true, Default: "true",
			Doc: "Whether a director of higher priority takes over from a healthy master of lower priority. False keeps a healthy master, never one that is less healthy."},
		{Name: "preempt_delay", Type: Duration, PerDirector: true, Min: 0, Max: 3600 * sec, Default: `"0s"`,
			Doc: "How long a master of lower priority is kept before it is preempted."},
		{Name: "group", Type: String, Implied: "the router's name", Example: `"nat"`, valid: name,
			Doc: "The routers of a group change role together. The first one in the file decides ties."},
		{Name: "transport", Type: String, Values: []string{"multicast", "unicast"}, Default: `"multicast"`,
			Doc: "How adverts travel: to 224.0.0.18 or ff02::12, or to each other director's source of this router, and then only they are believed."},
		{Name: "source", Type: Address, PerDirector: true, Implied: "the director's address if a virtual router on the interface has it in its subnet, else the interface's lowest address that is not virtual; for multicast over IPv6 the interface's link-local address",
			Example: `{ lb1 = "172.20.10.5", lb2 = "172.20.10.6" }`,
			Doc:     "The sender's address of the adverts; for multicast over IPv6 a link-local one (RFC 9568 section 5.1.2.1). Unicast needs it known from the file for every director."},
		{Name: "peers", Type: Address, Arity: Many, Default: "[]", Example: `["172.20.10.7"]`, Aside: true,
			Doc: "Routers outside this file that take part as well; with transport unicast only."},
		{Name: "virtual_mac", Type: Bool, Default: "false",
			Doc: "Put the addresses, and the adverts, at the virtual router's own MAC address (RFC 9568 section 7.3), 00:00:5e:00:01:33 for VRID 51 of IPv4, so that neighbours keep what they know when the master changes. It takes a device of the kernel's kind macvlan on the interface. With transport multicast only. See docs/virtual-mac.md."},
		{Name: "accept", Type: Bool, Default: "true",
			Doc: "Whether the master accepts packets to the addresses themselves (Accept_Mode, RFC 9568 section 6.1). With false a ping or a connection to one of them is dropped, ICMP and the machine's own services included; ARP, neighbour discovery, VRRP and the virtual servers of this file work all the same, and what is routed through it does. The owner of the addresses, priority 255, always accepts."},
		{Name: "checksum", Type: String, Values: []string{"rfc5798", "rfc9568"}, Default: `"rfc5798"`,
			Doc: "The bytes that the checksum of an advert covers: with the pseudo-header, as keepalived and FRR send and demand, or the message only. Both are accepted on receipt. Version 2 and IPv6 have one form only."},
		{Name: "auth", Type: SecretKey, Section: &authSection, Default: `""`, valid: v2Password,
			Doc: "The simple password of version 2 (RFC 2338), at most 8 bytes, for neighbours that demand one. It travels in the clear: it protects from mistakes, not from anybody. Written here it is a warning: see docs/secrets.md."},
		{Name: "incompatible", Type: String, Values: []string{"yield", "hold"}, Default: `"yield"`,
			Doc: "Towards a neighbour that this director outranks and that goes on as master all the same, because it discards the adverts: leave it the mastership while it goes on, or hold it too, which makes two masters. Status shows it either way. See docs/incompatible.md."},
		{Name: "address_lease", Type: Duration, Min: 3 * sec, Max: 3600 * sec, Step: sec, Implied: "the larger of 5s and 4 advert intervals", Example: `"5s"`,
			Doc: "Lifetime that the kernel gives the addresses. It is renewed every second, so that a killed or frozen master loses them by itself."},
		{Name: "announce", Type: Table, Section: &announceSection,
			Doc: "When gratuitous ARP, in both forms, request and reply, or unsolicited neighbour advertisements for IPv6, tell the segment where the addresses are. On each interface the first 50 addresses are announced at once and the rest one each millisecond, for switches drop what comes faster; rounds that meet become one."},
		{Name: "routes", Type: String, Arity: Many, PerDirector: true, Default: "[]", Example: `["192.0.2.0/24 via 192.168.33.1"]`,
			Doc: "Routes that the master has, in the words of `ip route add`: [unicast | blackhole | unreachable | prohibit] NETWORK | ADDRESS | default [via ADDRESS] [dev NAME] [src ADDRESS] [metric N] [table main | default | N] [scope SCOPE] [onlink]. Of either family; a default route in which no address tells is of the virtual router's. They come after the addresses and go before them. See docs/routes.md."},
		{Name: "rules", Type: String, Arity: Many, PerDirector: true, Default: "[]", Example: `["from 192.0.2.0/24 table 100 priority 1000"]`, Aside: true,
			Doc: "Rules of policy routing that the master has, in the words of `ip rule add`: [from NETWORK | all] [to NETWORK | all] [iif NAME] [oif NAME] [fwmark N[/MASK]] table main | default | N priority N. They come after the routes and go before them. See docs/routes.md."},
		{Name: "track_interfaces", Type: String, Arity: Many, Default: "[]", Example: `["eth1"]`, valid: interfaceName,
			Doc: "Interfaces, named alike on every director, without which the group is in fault: short for a track of kind interface and weight 0 each."},
		{Name: "follow_health", Type: Bool, Section: &followSection, Default: "false", Example: "false",
			Doc: "The director that sees clearly more real servers of the group's virtual servers becomes master: the one that sees fewer yields with priority 1, whatever preempt says. It takes the peer link, and the same on every member of a group. The owner of the addresses, priority 255, does not yield. See docs/peer.md."},
		{Name: "track", Type: Table, Arity: Many, Section: &trackSection, Default: "[]",
			Doc: "What else the fitness of a director for the router's group depends on. See docs/tracks.md."},
		{Name: "notify", Type: String, Arity: Many, Default: "[]", Example: `["/usr/local/bin/notify", "--verbose"]`, Aside: true,
			Doc: "A program that is told when the router has changed its state: by its absolute path, with its arguments, to which NAME OLD NEW PRIORITY REASON are appended. It runs as daemon.script_user and has 10s; those of a group run one at a time, and where they lag the last state wins. See docs/hooks.md."},
		{Name: "take_over", Type: Table, Section: &takeOverSection,
			Doc: "A step that must succeed before a new master is reported, as where a cloud moves the address by its API. See docs/hooks.md."},
	},
}

// followSection is follow_health written as a table.
var followSection = Section{
	Path: "virtual_router.NAME.follow_health",
	Keys: []Key{
		{Name: "hold", Type: Duration, Min: sec, Max: 3600 * sec, Default: `"10s"`,
			Doc: "For how long the other director has to see clearly more, and this one as many again before it comes back; in any case for as long as the checks may take to find out what both see."},
	},
}

var announceSection = Section{
	Path:   "virtual_router.NAME.announce",
	Header: "[virtual_router.outside.announce]",
	Keys: []Key{
		{Name: "times", Type: Duration, Arity: Many, Min: 0, Max: 600 * sec, Default: `["0s", "10ms", "50ms", "250ms", "1s", "5s"]`,
			Doc: "When to announce after the addresses are up, and again after another master was heard, ascending; an empty list for never."},
		{Name: "refresh", Type: Duration, Min: 0, Max: 86400 * sec, Default: `"0s"`,
			Doc: "Announce again this often while master, at least 1s; 0s for never."},
	},
}
