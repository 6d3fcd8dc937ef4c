package conf

// keyCase is what a key must take and refuse. The first good value differs from
// what the base file has, so that its effect can be seen; inert ones cannot
// differ.
type keyCase struct {
	good  []string
	bad   map[string]string // value -> part of the error; "" leaves the key out
	inert bool
}

// keyCases has a row for every key of the schema. A value may bring further
// lines along.
var keyCases = map[string]keyCase{
	"director": {
		good: []string{`{ lb1 = { address = "192.168.33.91" }, lb2 = { address = "192.168.33.95" } }`},
		bad:  map[string]string{`1`: "must be a table", ``: "is missing", `{}`: "no director", `{ lb1 = 1 }`: "must be a table", `{ "l b" = { address = "192.0.2.1" } }`: "the name"}},
	"daemon":         {good: []string{`{ log_level = "debug" }`}, bad: map[string]string{`"x"`: "must be a table"}},
	"virtual_router": {good: []string{`{ r = { interface = "eth1", vrid = 52, addresses = ["192.168.33.90/24"], checksum = "rfc9568" } }`}, bad: map[string]string{`[]`: "must be a table", `{ none = { interface = "eth1", vrid = 52, addresses = ["192.168.33.90/24"] } }`: "taken"}},
	"virtual_server": {good: []string{`{}`}, bad: map[string]string{`true`: "must be a table"}},
	"ipvs":           {good: []string{`{}`}, bad: map[string]string{`1979-05-27`: "must be a table, not a date"}},

	"director.NAME.address":  {good: []string{`"192.168.33.95"`, `["192.168.33.95", "2001:db8::95"]`}, bad: map[string]string{``: "is missing", `"lb1"`: "not an IP address", `[]`: "is empty", `"192.168.33.94"`: "already", `"192.168.33.90"`: "virtual router r", `"::1"`: "not an address of a machine", `"fe80::1%eth0"`: "zone", `"::ffff:192.0.2.1"`: "write 192.0.2.1", `7`: "must be a string"}},
	"director.NAME.priority": {good: []string{`150`, `1`, `254`}, bad: map[string]string{`0`: "0 is outside 1–254", `255`: "255 is outside 1–254", `"150"`: "must be an integer, 1–254, not a string", `1.0`: "not a float"}},

	"daemon.socket":        {good: []string{`"/run/x.sock"`}, bad: map[string]string{`"x.sock"`: "absolute", `""`: "is empty", `"/run/a\u0000b"`: "control character", `"/` + long + `"`: "longer than a socket's path"}},
	"daemon.state_dir":     {good: []string{`"/srv/x"`}, bad: map[string]string{`"x"`: "absolute"}},
	"daemon.http_listen":   {good: []string{`""`, `"0.0.0.0:9650"`, `"[::1]:9650"`, `"[::]:1"`, `{ lb1 = "192.168.33.91:9650", lb2 = "192.168.33.94:9650" }`, `{ lb2 = "" }`}, bad: map[string]string{`":9650"`: "not an address with a port", `"localhost:9650"`: "names are not resolved", `"127.0.0.1"`: "has no port", `"::1:9650"`: "has no port", `"127.0.0.1:0"`: "port 0", `"127.0.0.1:65536"`: "not an address with a port", `"[::ffff:127.0.0.1]:9650"`: "write 127.0.0.1", `"[fe80::1%eth0]:9650"`: "has a zone", `"224.0.0.1:9650"`: "not an address of a machine", `"255.255.255.255:9650"`: "not an address of a machine", `"192.168.33.90:9650"`: "virtual address of r", `9650`: "must be a string", `["127.0.0.1:9650"]`: "must be", `{ lb9 = "" }`: "no such director"}},
	"daemon.log_level":     {good: []string{`"debug"`, `"info"`}, bad: map[string]string{`"Info"`: "did you mean info?"}},
	"daemon.log_format":    {good: []string{`"json"`}, bad: map[string]string{`"xml"`: "is not one of text, json"}},
	"daemon.realtime":      {good: []string{`false`, `true`}, bad: map[string]string{`"no"`: "must be true or false", `0`: "must be true or false"}},
	"daemon.script_user":   {good: []string{`"nobody"`}, bad: map[string]string{`""`: "is empty", `"a:b"`: "not a user name"}},
	"daemon.manage_sysctl": {good: []string{`false`}, bad: map[string]string{`1`: "must be true or false"}},

	"virtual_router.NAME.interface": {good: []string{`"eth2"`, `{ lb1 = "eth2", lb2 = "eth3" }`}, bad: map[string]string{``: "is missing", `"a/b"`: "not a name an interface can have", `"interface-of-16ch"`: "15 characters", `{ lb1 = "eth2" }`: "no value for director lb2", `{ lb1 = "eth2", lb2 = "eth2", lb3 = "eth2" }`: "no such director", `["eth1"]`: "must be a string"}},
	"virtual_router.NAME.vrid":      {good: []string{`51`, `1`, `255`}, bad: map[string]string{``: "is missing", `0`: "0 is outside 1–255", `256`: "256 is outside 1–255", `{ lb1 = 1 }`: "not a table"}},
	"virtual_router.NAME.addresses": {good: []string{`["192.168.33.90/24", "192.0.2.1/32"]`}, bad: map[string]string{``: "is missing", `[]`: "is empty", `"192.168.33.90/24"`: "must be a list", `["192.168.33.90"]`: "no prefix length", `["192.168.33.0/24"]`: "the subnet itself", `["192.168.33.255/24"]`: "broadcast", `["2001:db8::1"]`: "2001:db8::1/64", `["2001:db8::/64"]`: "the subnet itself", `["192.168.33.90/24", "2001:db8::1/64"]`: "has one family", `["192.168.33.90/24", "192.168.33.90/25"]`: "already", `["10.0.0.1/0"]`: "prefix length of 0", `["224.0.0.1/24"]`: "not an address of a machine", `[{ address = "192.168.33.90/24" }, "192.168.33.90/24"]`: "already", `[{}]`: "is missing", `[["192.168.33.90/24"]]`: "must be a string", `[{ address = "192.168.33.90/24", lable = "x" }]`: "did you mean label?"}},

	"virtual_router.NAME.addresses.address":       {good: []string{`"192.168.33.90/25"`}, bad: map[string]string{``: "is missing", `"192.168.33.90"`: "no prefix length", `7`: "must be a string"}},
	"virtual_router.NAME.addresses.interface":     {good: []string{`"eth5"`, `{ lb1 = "eth5", lb2 = "eth6" }`, `{ lb1 = "eth5" }`}, bad: map[string]string{`"a b"`: "not a name an interface can have", `{ lb9 = "eth5" }`: "no such director"}},
	"virtual_router.NAME.addresses.label":         {good: []string{`"eth1:vip"`, `"eth1"`, "{ lb1 = \"eth3:a\", lb2 = \"eth4:a\" }\ninterface = { lb1 = \"eth3\", lb2 = \"eth4\" }", "\"eth3:a\"\ninterface = \"eth3\""}, bad: map[string]string{`"eth1:0123456789a"`: "15 bytes", `"vip"`: "begins with another name than the interface, eth1 on lb2", `"eth10:a"`: "begins with another name", `{ lb1 = "eth2:a" }`: "eth1 on lb1", `"eth1:a b"`: "not a label", "\"eth1:a\"\n[virtual_router.s]\nvrid = 9\ninterface = \"eth1\"\nvirtual_mac = true\naddresses = [{ address = \"10.0.0.9/24\", label = \"eth1:b\" }]": "cannot go with virtual_mac", "\"eth1:a\"\ninterface = { lb1 = \"eth1\", lb2 = \"eth3\" }": "eth3 on lb2"}},
	"virtual_router.NAME.addresses.scope":         {good: []string{`"link"`, `"site"`, `"host"`, `"global"`}, bad: map[string]string{`"universe"`: "is not one of global, site, link, host", `253`: "must be one of"}},
	"virtual_router.NAME.addresses.noprefixroute": {good: []string{`true`, `false`}, bad: map[string]string{`"yes"`: "must be true or false"}},
	"virtual_router.NAME.addresses.advertise":     {good: []string{"false\n[[virtual_router.r.addresses]]\naddress = \"10.1.1.80/24\"", `true`}, bad: map[string]string{`false`: "none of them is advertised", `0`: "must be true or false"}},

	"virtual_router.NAME.priority":         {good: []string{`{ lb1 = 150, lb2 = 99 }`, `{ lb1 = 150 }`, `120`}, bad: map[string]string{`0`: "outside 1–255", `256`: "outside 1–255", `255`: "only one director", `{ lb1 = 255 }`: "none of them", `{ lb1 = "x" }`: "must be an integer"}},
	"virtual_router.NAME.version":          {good: []string{`2`, `3`}, bad: map[string]string{`1`: "outside 2–3", `4`: "outside 2–3", `"3"`: "must be an integer"}},
	"virtual_router.NAME.advert_interval":  {good: []string{`"100ms"`, `"10ms"`, `"40.95s"`, "\"1s\"\nversion = 2", "\"255s\"\nversion = 2"}, bad: map[string]string{`1`: `1 has no unit`, `0.5`: `"0.5s"`, `"1"`: "not a duration", `"15ms"`: "not a multiple of 10ms", `"41s"`: "at most 40.95s", `"256s"`: "outside 10ms–4m15s", "\"1500ms\"\nversion = 2": "whole seconds", "\"500ms\"\nversion = 2": "whole seconds", `"-1s"`: "outside", `"0s"`: "outside"}},
	"virtual_router.NAME.preempt":          {good: []string{`false`, `{ lb1 = false }`}, bad: map[string]string{`"no"`: "must be true or false", `{ lb9 = false }`: "no such director"}},
	"virtual_router.NAME.preempt_delay":    {good: []string{`"30s"`, `{ lb2 = "30s" }`}, bad: map[string]string{`30`: "has no unit", `"2h"`: "outside 0s–1h", "\"30s\"\npreempt = false": "has no meaning"}},
	"virtual_router.NAME.group":            {good: []string{`"nat"`}, bad: map[string]string{`""`: "is empty", `"a b"`: "character", `"-a"`: "begin"}},
	"virtual_router.NAME.transport":        {good: []string{`"unicast"`, `"multicast"`}, bad: map[string]string{`"unicats"`: "did you mean unicast?"}},
	"virtual_router.NAME.source":           {good: []string{`{ lb1 = "192.168.33.5", lb2 = "192.168.33.6" }`, `{ lb1 = "192.168.33.5" }`}, bad: map[string]string{`"192.168.33.5"`: "is the source of", `{ lb1 = "192.168.33.90" }`: "an address of virtual router r", `{ lb1 = "2001:db8::1" }`: "no IPv4 address", `{ lb1 = "fe80::1%eth0" }`: "zone"}},
	"virtual_router.NAME.peers":            {good: []string{"[\"192.168.33.7\"]\ntransport = \"unicast\"", `[]`}, bad: map[string]string{`["192.168.33.7"]`: "no meaning with transport multicast", "[\"192.168.33.94\"]\ntransport = \"unicast\"": "source of director lb2", "[\"192.168.33.7\", \"192.168.33.7\"]\ntransport = \"unicast\"": "twice", "[\"192.168.33.90\"]\ntransport = \"unicast\"": "of this virtual router", "[\"2001:db8::7\"]\ntransport = \"unicast\"": "no IPv4 address"}},
	"virtual_router.NAME.virtual_mac":      {good: []string{`true`, `false`}, bad: map[string]string{`"yes"`: "must be true or false", "true\ntransport = \"unicast\"": "needs multicast"}},
	"virtual_router.NAME.accept":           {good: []string{`false`, `true`}, bad: map[string]string{`"no"`: "must be true or false", "false\npriority = { lb1 = 255 }\nsource = { lb1 = \"192.168.33.90\" }": "owner of the addresses always accepts"}},
	"virtual_router.NAME.checksum":         {good: []string{`"rfc9568"`}, bad: map[string]string{`"none"`: "is not one of rfc5798, rfc9568", "\"rfc5798\"\nversion = 2": "no meaning with version 2"}},
	"virtual_router.NAME.auth":             {good: []string{"\"secret\"\nversion = 2", "\"8 bytes!\"\nversion = 2", `""`}, bad: map[string]string{"\"9 bytes!!\"\nversion = 2": "longer than 8 bytes", `"secret"`: "version 3 has no password", "\"a\\tb\"\nversion = 2": "control character", `7`: "must be string, { file =", "{ file = \"/a\", credential = \"b\" }\nversion = 2": "needs one of file and credential", "{}\nversion = 2": "needs one of", `{ file = "/a" }`: "version 3 has no password"}},
	"virtual_router.NAME.auth.file":        {good: []string{`"/etc/failover/auth"`}, bad: map[string]string{`"auth"`: "absolute", ``: "needs one of file and credential", `""`: "is empty", "\"/a\"\ncredential = \"b\"": "needs one of"}},
	"virtual_router.NAME.auth.credential":  {good: []string{`"vrrp-auth"`}, bad: map[string]string{`"../auth"`: "not a name a credential can have", `".."`: "not a name", `7`: "must be a string"}},
	"virtual_router.NAME.incompatible":     {good: []string{`"hold"`, `"yield"`}, bad: map[string]string{`"Hold"`: "did you mean hold?", `"ignore"`: "is not one of yield, hold", `true`: "must be one of yield, hold"}},
	"virtual_router.NAME.address_lease":    {good: []string{`"10s"`, `"3s"`}, bad: map[string]string{`"2s"`: "outside 3s–1h", `"3.5s"`: "not a multiple of 1s", `5`: "has no unit"}},
	"virtual_router.NAME.announce":         {good: []string{`{ refresh = "60s" }`}, bad: map[string]string{`["1s"]`: "must be a table, not a list"}},
	"virtual_router.NAME.announce.times":   {good: []string{`["0s", "1s"]`, `[]`}, bad: map[string]string{`["1s", "1s"]`: "ascend", `["1s", "0s"]`: "0s does not come after 1s", `"1s"`: "must be a list", `[1]`: "has no unit", `["11m"]`: "outside"}},
	"virtual_router.NAME.announce.refresh": {good: []string{`"30s"`, `"0s"`}, bad: map[string]string{`"500ms"`: "less than 1s", `"25h"`: "outside"}},

	"virtual_router.NAME.routes": {good: []string{`["192.0.2.0/24 via 192.168.33.1"]`, `{ lb1 = ["192.0.2.0/24 dev eth1"], lb2 = ["192.0.2.0/24 dev ens1"] }`, `{ lb1 = ["default dev eth1"] }`, `[]`, `["192.0.2.0/24 dev eth1", "192.0.2.0/24 dev eth1 metric 5", "192.0.2.0/24 dev eth1 table 5"]`}, bad: map[string]string{`"192.0.2.0/24 dev eth1"`: "must be a list of strings", `["192.0.2.0/24 vai 192.168.33.1"]`: `"vai" is not known`, `["192.0.2.1/24 dev eth1"]`: "the network is 192.0.2.0/24", `[""]`: "is empty", `[7]`: "must be a string", `{ lb9 = [] }`: "no such director", `{ lb1 = "x" }`: "must be a list of strings, not a string", `["192.0.2.0/24 dev eth1", "192.0.2.0/24 via 192.168.33.1"]`: "is there already, in virtual router r"}},
	"virtual_router.NAME.rules":  {good: []string{`["from 192.0.2.0/24 table 100 priority 1000"]`, `{ lb1 = ["iif eth1 table 5 priority 5"], lb2 = ["iif ens1 table 5 priority 5"] }`}, bad: map[string]string{`["from 192.0.2.0/24 table 100"]`: "priority is missing", `["priority 5"]`: "table is missing", `["tos 1"]`: `"tos" is not known`, `["table 5 priority 5", "lookup 5 pref 5"]`: "is there already"}},

	"virtual_router.NAME.track_interfaces":     {good: []string{`["eth6"]`, `[]`}, bad: map[string]string{`"eth6"`: "must be a list", `["a/b"]`: "not a name an interface can have", `["eth6", "eth6"]`: "interface eth6 is tracked already", `[{ lb1 = "eth6" }]`: "must be a string"}},
	"virtual_router.NAME.track":                {good: []string{`[{ kind = "interface", interface = "eth6" }]`, `[]`, `[{ kind = "process", process = "a" }, { kind = "process", process = "b", weight = -5 }]`}, bad: map[string]string{`{ kind = "interface", interface = "eth6" }`: "must be a list", `[1]`: "must be a table", `[{}]`: "is missing", `[{ kind = "process", process = "a" }, { kind = "process", process = { lb1 = "b", lb2 = "a" } }]`: "process a is tracked already"}},
	"virtual_router.NAME.track.kind":           {good: []string{"\"interface\"\n[[virtual_router.r.track]]\nkind = \"process\"\nprocess = \"a\""}, bad: map[string]string{``: "is missing", `"bfd"`: "is not one of interface, exec, process, file, address, virtual_server", `"exec"`: "a track of kind exec has no such key"}},
	"virtual_router.NAME.track.interface":      {good: []string{`"eth6"`, `{ lb1 = "eth6", lb2 = "ens6" }`}, bad: map[string]string{``: "is missing: string", `"a b"`: "not a name an interface can have", `{ lb1 = "eth6" }`: "no value for director lb2"}},
	"virtual_router.NAME.track.argv":           {good: []string{`["/bin/check", "-x"]`}, bad: map[string]string{``: "is missing", `[]`: "is empty", `["check"]`: "not an absolute path"}},
	"virtual_router.NAME.track.process":        {good: []string{`"haproxy"`, `"/usr/sbin/haproxy"`, `"two words"`, `{ lb1 = "a", lb2 = "b" }`}, bad: map[string]string{``: "is missing", `""`: "is empty", `"bin/haproxy"`: "neither", `"a\n"`: "control character"}},
	"virtual_router.NAME.track.path":           {good: []string{`"/run/healthy"`, `{ lb1 = "/a", lb2 = "/b" }`}, bad: map[string]string{``: "is missing", `"healthy"`: "absolute"}},
	"virtual_router.NAME.track.address":        {good: []string{`"192.168.33.1"`, `"2001:db8::1"`, `{ lb1 = "192.168.33.94", lb2 = "192.168.33.91" }`}, bad: map[string]string{``: "is missing", `"gateway"`: "not an IP address", `"192.168.33.90"`: "an address of virtual router r", `{ lb1 = "192.168.33.1", lb2 = "192.168.33.90" }`: "an address of virtual router r", `{ lb1 = "192.168.33.1" }`: "no value for director lb2"}},
	"virtual_router.NAME.track.virtual_server": {good: []string{`"web"`}, bad: map[string]string{``: "is missing", `"wep"`: "did you mean web?", `"zzzzzzz"`: "the virtual servers are: web"}},
	"virtual_router.NAME.track.interval":       {good: []string{`"2s"`}, bad: map[string]string{`2`: "has no unit", `"10ms"`: "outside 100ms–1h"}},
	"virtual_router.NAME.track.timeout":        {good: []string{`"500ms"`}, bad: map[string]string{`"2s"`: "longer than the interval", `"0s"`: "outside"}},
	"virtual_router.NAME.track.rise":           {good: []string{`3`}, bad: map[string]string{`0`: "outside 1–100"}},
	"virtual_router.NAME.track.fall":           {good: []string{`3`, `1`}, bad: map[string]string{`0`: "outside 1–100"}},
	"virtual_router.NAME.track.weight":         {good: []string{`-253`, `253`, `0`}, bad: map[string]string{`254`: "254 is outside -253 to 253", `-254`: "outside", `"5"`: "must be an integer"}},

	"virtual_router.NAME.notify":            {good: []string{`["/bin/hook", "-v"]`, `[]`}, bad: map[string]string{`"/bin/hook"`: "must be a list", `["hook"]`: "not an absolute path", `[1]`: "must be a string", `["/bin/hook", ""]`: "is empty"}},
	"virtual_router.NAME.take_over":         {good: []string{`{ argv = ["/bin/other"] }`}, bad: map[string]string{`["/bin/move"]`: "must be a table", `{}`: "argv: is missing", `{ argv = [] }`: "is empty"}},
	"virtual_router.NAME.take_over.argv":    {good: []string{`["/bin/other", "-v"]`}, bad: map[string]string{``: "is missing", `[]`: "is empty", `["move"]`: "not an absolute path"}},
	"virtual_router.NAME.take_over.timeout": {good: []string{`"1m"`}, bad: map[string]string{`10`: "has no unit", `"0s"`: "outside 100ms–10m"}},
	"virtual_router.NAME.take_over.retries": {good: []string{`0`, `100`}, bad: map[string]string{`-1`: "outside 0–100", `"3"`: "must be an integer"}},

	"virtual_server.NAME.address":            {good: []string{`"192.168.33.90:8080"`, "\"192.168.33.90\"\npersistence = \"5m\""}, bad: map[string]string{``: "is missing", `"192.168.33.90"`: "has no port", `"192.168.33.90:0"`: "port 0", `"www:80"`: "not an address", `"192.168.33.89:80"`: "not an address of any virtual router", `"[2001:db8::1]:80"`: "not an address of any", `["192.168.33.90:80"]`: "must be a string", "\"192.168.33.90:80\"\nfwmark = 7": "cannot go with address"}},
	"virtual_server.NAME.addresses":          {good: []string{`["192.168.33.90:8080", "192.168.33.90:8081"]`}, bad: map[string]string{`[]`: "is empty", `"192.168.33.90:80"`: "must be a list of addresses with port", `["192.168.33.90:80", "192.168.33.90:80"]`: "is there twice", `["192.168.33.90"]`: "has no port", `["192.168.33.90:80", "192.168.33.89:80"]`: "addresses[1]: 192.168.33.89 is not an address of any", "[\"192.168.33.90:80\"]\naddress = \"192.168.33.90:81\"": "cannot go with address"}},
	"virtual_server.NAME.fwmark":             {good: []string{"7\nvirtual_router = \"r\"", "4026531839\nvirtual_router = \"none\""}, bad: map[string]string{`7`: "needs virtual_router", `0`: "outside 1–4294967295", `4294967296`: "outside", "4026531840\nvirtual_router = \"r\"": "is reserved", `"7"`: "must be an integer", "7\nvirtual_router = \"r\"\nprotocol = \"udp\"": "cannot go with fwmark", "7\nvirtual_router = \"r\"\n[virtual_server.x]\nfwmark = 7\nvirtual_router = \"r\"\nreal_server = [{ address = \"192.168.33.92\" }]": "IPv4 mark 7 is the service of web already"}},
	"virtual_server.NAME.family":             {good: []string{"\"ipv4\"\nfwmark = 7\nvirtual_router = \"none\""}, bad: map[string]string{"\"ipv4\"\naddress = \"192.168.33.90:80\"": "is for a service by firewall mark", `"inet6"`: "is not one of ipv4, ipv6", "\"ipv6\"\nfwmark = 7\nmatch = [\"tcp 192.168.33.90:80\"]": "is no IPv6 address"}},
	"virtual_server.NAME.match":              {good: []string{"[\"tcp 192.168.33.90:80\", \"udp 192.168.33.90:53\"]\nfwmark = 7", "[\"sctp 192.168.33.90:80\"]\nfwmark = 7\nvirtual_router = \"r\""}, bad: map[string]string{"[\"tcp 192.168.33.90:80\"]\naddress = \"192.168.33.90:80\"": "is for a service by firewall mark", `["192.168.33.90:80"]`: "is not a protocol, an address and a port", `["icmp 192.168.33.90:80"]`: "not one of tcp, udp, sctp", `["tcp 192.168.33.90"]`: "for an address and a port", `["tcp 192.168.33.90:0"]`: "outside 1–65535", `["tcp 127.0.0.1:80"]`: "no virtual address", "[\"tcp 192.168.33.89:80\"]\nfwmark = 7": "not an address of any virtual router", "[\"tcp 192.168.33.90:80\", \"tcp 192.168.33.90:80\"]\nfwmark = 7": "is there twice", "[\"tcp 192.168.33.90:80\", \"tcp [2001:db8::1]:80\"]\nfwmark = 7": "is no IPv4 address"}},
	"virtual_server.NAME.virtual_router":     {inert: true, good: []string{`"r"`}, bad: map[string]string{`"rr"`: "did you mean r?", `"none"`: "is an address of r", `""`: "is empty"}},
	"virtual_server.NAME.protocol":           {good: []string{`"udp"`, `"sctp"`, `["tcp", "udp"]`}, bad: map[string]string{`"icmp"`: "is not one of tcp, udp, sctp", `[]`: "is empty", `["tcp", "tcp"]`: "tcp is there twice", `6`: "must be one of"}},
	"virtual_server.NAME.scheduler":          {good: []string{`"mh"`, `"rr"`, `"wlc"`}, bad: map[string]string{`"WRR"`: "did you mean wrr?"}},
	"virtual_server.NAME.scheduler_flags":    {good: []string{"[\"sh-port\", \"sh-fallback\"]\nscheduler = \"sh\"", "[]\nscheduler = \"mh\"", "[\"mh-port\"]\nscheduler = \"mh\"", `[]`}, bad: map[string]string{`["sh-port"]`: "is a flag of scheduler sh, and this is wlc", "[\"sh-port\"]\nscheduler = \"mh\"": "flag of scheduler sh", `["flag-1"]`: "is not one of", `"sh-port"`: "must be a list of sh-port | sh-fallback"}},
	"virtual_server.NAME.forward":            {good: []string{`"dr"`, `"tun"`, `"nat"`}, bad: map[string]string{`"gre"`: "is not one of nat, dr, tun"}},
	"virtual_server.NAME.tunnel":             {good: []string{"{ type = \"gre\" }\nforward = \"tun\""}, bad: map[string]string{`{}`: "no meaning without forward tun", `"gre"`: "must be a table"}},
	"virtual_server.NAME.tunnel.type":        {good: []string{`"gue"`}, inert: true, bad: map[string]string{`"gre"`: "gre has no port", `"ipip"`: "ipip has no port", `"vxlan"`: "is not one of ipip, gue, gre"}},
	"virtual_server.NAME.tunnel.port":        {good: []string{`6081`}, bad: map[string]string{``: "is missing: gue goes to a UDP port", `0`: "is missing", `65536`: "outside 0–65535"}},
	"virtual_server.NAME.tunnel.checksum":    {good: []string{`"csum"`, `"remcsum"`, `"none"`}, bad: map[string]string{`"full"`: "is not one of none, csum, remcsum", `true`: "must be one of"}},
	"virtual_server.NAME.persistence":        {good: []string{`"5m"`, `"744h"`, `"0s"`}, bad: map[string]string{`300`: "has no unit", `"1.5s"`: "not a multiple of 1s", `"745h"`: "outside 0s–744h"}},
	"virtual_server.NAME.persistence_mask":   {good: []string{"24\npersistence = \"5m\"", "32\npersistence = \"5m\""}, bad: map[string]string{`24`: "no meaning without persistence", "64\npersistence = \"5m\"": "an IPv4 address has 32 bits", `0`: "outside 1–128", `"24"`: "must be an integer"}},
	"virtual_server.NAME.persistence_engine": {good: []string{"\"sip\"\npersistence = \"5m\"\nprotocol = \"udp\"", `""`}, bad: map[string]string{`"sip"`: "no meaning without persistence", "\"sip\"\npersistence = \"5m\"": "sip is for udp", `"h323"`: "is not one of"}},
	"virtual_server.NAME.one_packet":         {good: []string{"true\nprotocol = \"udp\"\nforward = \"dr\"", `false`}, bad: map[string]string{"true\nprotocol = \"udp\"": "cannot go with forward nat", "true\nforward = \"dr\"": "is for udp", "true\nprotocol = \"udp\"\nforward = \"dr\"\npersistence = \"5m\"": "cannot go with persistence", `1`: "must be true or false"}},
	"virtual_server.NAME.masquerade":         {good: []string{`true`, `false`}, bad: map[string]string{"true\nforward = \"dr\"": "is for forward nat", `"yes"`: "must be true or false"}},
	"virtual_server.NAME.quorum":             {good: []string{"2\n[[virtual_server.web.real_server]]\naddress = \"192.168.33.93:80\"", `1`}, bad: map[string]string{`2`: "come to 1", `0`: "outside", `"1"`: "must be an integer"}},
	"virtual_server.NAME.hysteresis":         {good: []string{"1\nquorum = 2\n[[virtual_server.web.real_server]]\naddress = \"192.168.33.93:80\"\nweight = 2", `0`}, bad: map[string]string{`1`: "never be lost", "1\nquorum = 2\n[[virtual_server.web.real_server]]\naddress = \"192.168.33.93:80\"": "never be there again", `-1`: "outside"}},
	"virtual_server.NAME.sorry_server":       {good: []string{`"192.168.33.99:80"`, `"192.168.33.99:8080"`, `""`}, bad: map[string]string{`"192.168.33.92:80"`: "is a real server", `"192.168.33.99"`: "has no port", `"10.0.0.1:80"`: "no address of group r", `"192.168.33.90:81"`: "is a virtual address", `"sorry:80"`: "names are not resolved", `"[2001:db8::1]:80"`: "only forward tun", "\"192.168.33.99:81\"\nforward = \"dr\"": "cannot change it"}},
	"virtual_server.NAME.on_failure":         {good: []string{`"quiesce"`, "\"quiesce\"\nscheduler = \"sh\"\nscheduler_flags = [\"sh-fallback\"]", `"remove"`}, bad: map[string]string{`"drop"`: "is not one of remove, quiesce", "\"quiesce\"\nscheduler = \"sh\"": "without sh-fallback", "\"quiesce\"\nscheduler = \"dh\"": "but dh refuses", "\"remove\"\nscheduler = \"mh\"": "the scheduler is mh"}},
	"virtual_server.NAME.on_server_down":     {good: []string{`"expire"`, `"keep"`}, bad: map[string]string{`"kill"`: "is not one of keep, expire"}},
	"virtual_server.NAME.drain":              {good: []string{`{ timeout = "1m" }`}, bad: map[string]string{`"1m"`: "must be a table"}},
	"virtual_server.NAME.drain.timeout":      {good: []string{`"1m"`, `"0s"`}, bad: map[string]string{`60`: "has no unit", `"169h"`: "outside 0s–168h"}},
	"virtual_server.NAME.notify":             {good: []string{`["/bin/hook", "-v"]`, `[]`}, bad: map[string]string{`"/bin/hook"`: "must be a list", `["hook"]`: "not an absolute path", `[1]`: "must be a string"}},
	"virtual_server.NAME.check":              {good: []string{`{ kind = "tcp" }`, `[{ kind = "tcp" }, { kind = "http" }]`, `[]`}, bad: map[string]string{`"tcp"`: "must be a table", `[1]`: "must be a table"}},
	"virtual_server.NAME.real_server":        {good: []string{`[{ address = "192.168.33.93:80" }]`}, bad: map[string]string{``: "is missing", `[]`: "is empty", `{ address = "192.168.33.93:80" }`: "must be a list", `[{ address = "192.168.33.93:80" }, { address = "192.168.33.93:80" }]`: "already"}},

	"virtual_server.NAME.real_server.name":            {good: []string{`"web1"`}, bad: map[string]string{`"a b"`: "character", `""`: "is empty", `"` + long + `"`: "longer than 64"}},
	"virtual_server.NAME.real_server.address":         {good: []string{`"192.168.33.93:80"`, `"192.168.33.92:8080"`}, bad: map[string]string{``: "is missing", `"10.0.0.1:80"`: "no address of group r", `"192.168.33.90:8080"`: "is a virtual address", `"[2001:db8::1]:80"`: "only forward tun gets from one to the other", "\"[2001:db8::1]:80\"\nforward = \"tun\"": "refuses beside connection synchronisation", `"[fe80::1]:80"`: "link-local", `"192.168.33.93"`: "has no port", `"192.168.33.93:0"`: "port 0", "\"192.168.33.92:8080\"\nforward = \"dr\"": "cannot change it", "\"192.168.33.94:80\"\nforward = \"dr\"": "send the packets on again", `"192.168.33.94:80"`: "its replies would not come back"}},
	"virtual_server.NAME.real_server.weight":          {good: []string{`0`, `65535`, `2147483647`}, bad: map[string]string{`-1`: "outside 0–2147483647", `2147483648`: "outside"}},
	"virtual_server.NAME.real_server.forward":         {good: []string{`"tun"`, `"nat"`}, bad: map[string]string{`"masq"`: "is not one of"}},
	"virtual_server.NAME.real_server.tunnel":          {good: []string{"{ type = \"gue\", port = 6080 }\nforward = \"tun\"", "{ type = \"gre\", checksum = \"csum\" }\nforward = \"tun\""}, bad: map[string]string{`{ type = "gre" }`: "no meaning without forward tun", "{ type = \"gre\", checksum = \"remcsum\" }\nforward = \"tun\"": "gre has no such checksum", "{ checksum = \"csum\" }\nforward = \"tun\"": "ipip has no such checksum", "{ typ = \"gre\" }\nforward = \"tun\"": "did you mean type?", `1`: "must be a table"}},
	"virtual_server.NAME.real_server.max_connections": {good: []string{`1000`, `0`}, bad: map[string]string{`-1`: "outside 0–2147483647", `"9"`: "must be an integer"}},
	"virtual_server.NAME.real_server.min_connections": {good: []string{"800\nmax_connections = 1000", "1000\nmax_connections = 1000"}, bad: map[string]string{`800`: "without max_connections", "1001\nmax_connections = 1000": "more than max_connections", `-1`: "outside"}},
	"virtual_server.NAME.real_server.check":           {good: []string{`{ kind = "tcp" }`, `[]`}, bad: map[string]string{`1`: "must be a table"}},

	"virtual_server.NAME.check.kind":                 {good: []string{`"tcp"`, `"http"`}, bad: map[string]string{``: "is missing", `"ftp"`: "is not one of tcp, http, https, exec", `"exec"`: "argv"}},
	"virtual_server.NAME.check.interval":             {good: []string{`"5s"`, `"100ms"`}, bad: map[string]string{`2`: "has no unit", `"10ms"`: "outside 100ms–1h"}},
	"virtual_server.NAME.check.timeout":              {good: []string{`"500ms"`, `"2s"`}, bad: map[string]string{`"3s"`: "longer than the interval", `"0s"`: "outside"}},
	"virtual_server.NAME.check.rise":                 {good: []string{`1`, `100`}, bad: map[string]string{`0`: "outside 1–100"}},
	"virtual_server.NAME.check.fall":                 {good: []string{`1`}, bad: map[string]string{`101`: "outside 1–100"}},
	"virtual_server.NAME.check.method":               {good: []string{`"HEAD"`}, bad: map[string]string{`"get"`: "did you mean GET?"}},
	"virtual_server.NAME.check.path":                 {good: []string{`"/health?x=1"`}, bad: map[string]string{`"health"`: "does not begin with /", `"/a b"`: "write %20"}},
	"virtual_server.NAME.check.host":                 {good: []string{`"www.example.org"`, `"www.example.org:8443"`}, bad: map[string]string{`"a b"`: "not a host name", `"a:x"`: "not a host name", `":80"`: "not a host name"}},
	"virtual_server.NAME.check.headers":              {good: []string{`{ X-Probe = "1" }`, `{}`}, bad: map[string]string{`{ "a b" = "1" }`: "not a header's name", `{ host = "x" }`: "set by the key host", `{ X = 1 }`: "must be a string", `{ X = "a\nb" }`: "control character", `["X: 1"]`: "must be a table"}},
	"virtual_server.NAME.check.status":               {good: []string{`["200", "301-302"]`}, bad: map[string]string{`[]`: "is empty", `["2xx"]`: "neither", `["299-200"]`: "neither", `["99"]`: "neither", `[200]`: "must be a string", `"200"`: "must be a list"}},
	"virtual_server.NAME.check.body":                 {good: []string{`"welcome"`, `"two\nlines"`, `""`}, bad: map[string]string{"\"x\"\nmethod = \"HEAD\"": "has no body", `1`: "must be a string"}},
	"virtual_server.NAME.check.server_name":          {good: []string{`"www.example.org"`}, bad: map[string]string{`"a/b"`: "not a host name", "\"a\"\n[[virtual_server.web.real_server]]\naddress = \"192.168.33.94:80\"\ncheck = { kind = \"http\", server_name = \"a\" }": "it is for https"}},
	"virtual_server.NAME.check.ca_file":              {good: []string{`"/etc/ca.pem"`}, bad: map[string]string{`"ca.pem"`: "absolute", "\"/etc/ca.pem\"\ninsecure_skip_verify = true": "contradicts"}},
	"virtual_server.NAME.check.insecure_skip_verify": {good: []string{`true`}, bad: map[string]string{`1`: "must be true or false"}},
	"virtual_server.NAME.check.argv":                 {good: []string{`["/bin/check", "-x"]`}, bad: map[string]string{``: "is missing", `[]`: "is empty", `["check"]`: "not an absolute path", `"/bin/check"`: "must be a list", `[1]`: "must be a string"}},
	"virtual_server.NAME.check.user":                 {good: []string{`"nobody"`}, bad: map[string]string{`"a/b"`: "not a user name", `""`: "is empty"}},

	"ipvs.on_stop":        {good: []string{`"remove"`, `"keep"`}, bad: map[string]string{`"flush"`: "is not one of keep, remove", `true`: "must be one of"}},
	"ipvs.stop_timeout":   {good: []string{`"1m"`, `"0s"`}, bad: map[string]string{`30`: "has no unit", `"2h"`: "outside 0s–1h"}},
	"ipvs.tcp_timeout":    {good: []string{`"15m"`, `"576h"`, `"0s"`}, bad: map[string]string{`900`: "has no unit", `"1500ms"`: "not a multiple of 1s", `"577h"`: "outside 0s–576h"}},
	"ipvs.tcpfin_timeout": {good: []string{`"2m"`}, bad: map[string]string{`"1ms"`: "not a multiple of 1s"}},
	"ipvs.udp_timeout":    {good: []string{`"5m"`}, bad: map[string]string{`"-1s"`: "outside"}},
	"ipvs.resync":         {good: []string{`"500ms"`}, bad: map[string]string{`1`: "has no unit", `"50ms"`: "outside 100ms–1h"}},
	"ipvs.sync":           {good: []string{`{ id = 7 }`}, bad: map[string]string{`true`: "must be a table"}},
	"ipvs.sync.enabled":   {good: []string{`false`}, bad: map[string]string{`"no"`: "must be true or false"}},
	"ipvs.sync.interface": {good: []string{`"eth1"`, `{ lb2 = "eth1" }`}, bad: map[string]string{`"a b"`: "not a name an interface can have", `{ lb9 = "eth1" }`: "no such director"}},
	"ipvs.sync.id":        {good: []string{`7`, `255`}, bad: map[string]string{`0`: "outside 1–255"}},
	"ipvs.sync.group":     {good: []string{`"224.0.0.82"`, `"ff02::81"`}, bad: map[string]string{`"192.0.2.1"`: "not a multicast address", `"224.0.0.18"`: "VRRP itself", `"ff02::12"`: "VRRP itself", `"2001:db8::81"`: "not a multicast address"}},
	"ipvs.sync.port":      {good: []string{`8849`}, bad: map[string]string{`0`: "outside 1–65535", `65536`: "outside"}},
	"ipvs.sync.ttl":       {good: []string{`2`}, bad: map[string]string{`256`: "outside 1–255"}},
}

// long is 120 characters.
const long = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" +
	"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
