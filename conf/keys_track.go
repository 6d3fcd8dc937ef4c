package conf

// probedKinds are the kinds of track that are asked again and again; what becomes
// of a virtual server's quorum is known from its own checks.
var probedKinds = []string{"interface", "exec", "process", "file", "address"}

var trackSection = Section{
	Path:   "virtual_router.NAME.track",
	Header: "[[virtual_router.outside.track]]",
	Keys: []Key{
		{Name: "kind", Type: String, Values: append(probedKinds[:len(probedKinds):len(probedKinds)], "virtual_server"), Required: true, Example: `"exec"`,
			Doc: "What is tracked: that an interface is up and has a carrier, that a program of yours ends well, that a process runs, that a file is there and does not say 0, that an address answers an ICMP echo request, or that a virtual server has its quorum."},
		{Name: "interface", Type: String, PerDirector: true, Kinds: []string{"interface"}, Example: `{ lb1 = "eth1", lb2 = "ens4" }`, Aside: true, valid: interfaceName,
			Doc: "The interface. Required."},
		{Name: "argv", Type: String, Arity: Many, Kinds: []string{"exec"}, Example: `["/usr/local/bin/ok", "--fast"]`,
			Doc: "The program, by its absolute path, and its arguments; no shell is involved. It runs as daemon.script_user; exit status 0 means well. Required."},
		{Name: "process", Type: String, PerDirector: true, Kinds: []string{"process"}, Example: `"haproxy"`, Aside: true, valid: processName,
			Doc: "The name of the process as ps -o comm shows it, of which the first 15 bytes count, or the absolute path of its program. One that is stopped or a zombie does not count. Required."},
		{Name: "path", Type: String, PerDirector: true, Kinds: []string{"file"}, Example: `"/run/healthy"`, Aside: true, valid: absolutePath,
			Doc: "The file. A number alone on its first line fails at or below 0; any other content, or none, passes. Required."},
		{Name: "address", Type: Address, PerDirector: true, Kinds: []string{"address"}, Example: `"172.20.10.1"`, Aside: true,
			Doc: "The address that shall answer, a gateway for one; never a virtual address. Required."},
		{Name: "virtual_server", Type: String, Kinds: []string{"virtual_server"}, Example: `"web"`, Aside: true, valid: name,
			Doc: "The virtual server that shall have its quorum. Required."},
		{Name: "interval", Type: Duration, Kinds: probedKinds, Min: 100 * ms, Max: 3600 * sec, Default: `"1s"`,
			Doc: "From one look to the next. An interface that changes is looked at once more right away."},
		{Name: "timeout", Type: Duration, Kinds: probedKinds, Min: 10 * ms, Max: 3600 * sec, Implied: "the smaller of 1s and the interval", Example: `"1s"`,
			Doc: "Total deadline of a look, at most the interval."},
		{Name: "rise", Type: Integer, Kinds: probedKinds, Min: 1, Max: 100, Default: "1",
			Doc: "Successes in a row until what failed is well. The first verdict needs one result."},
		{Name: "fall", Type: Integer, Kinds: probedKinds, Min: 1, Max: 100, Implied: "2; 1 for an interface", Example: "2",
			Doc: "Failures in a row until what was well fails."},
		{Name: "weight", Type: Integer, Min: -253, Max: 253, Default: "0",
			Doc: "What the track does to the group's priority on this director. 0: failing is a fault and takes the whole group out of the election. Above 0: added while it is well. Below 0: added while it fails. The tracks of all members count, and the sum is kept within 1–254."},
	},
}
