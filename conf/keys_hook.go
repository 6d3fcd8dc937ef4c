package conf

var takeOverSection = Section{
	Path:   "virtual_router.NAME.take_over",
	Header: "[virtual_router.outside.take_over]",
	Keys: []Key{
		{Name: "argv", Type: String, Arity: Many, Required: true, Example: `["/usr/local/bin/move-address"]`,
			Doc: "The program, by its absolute path, and its arguments; NAME OLD NEW PRIORITY REASON are appended. It runs as daemon.script_user; exit status 0 means that it is done."},
		{Name: "timeout", Type: Duration, Min: 100 * ms, Max: 600 * sec, Default: `"10s"`,
			Doc: "How long one attempt may take."},
		{Name: "retries", Type: Integer, Min: 0, Max: 100, Default: "3",
			Doc: "How often it is tried again, a second after it has failed. Then the group yields with priority 1 until it succeeds."},
	},
	Trailer: `[virtual_router.inside]
interface = "eth1"
vrid = 52
addresses = ["192.168.33.90/24"]
priority = { lb1 = 150, lb2 = 100 }
group = "nat"
`,
}
