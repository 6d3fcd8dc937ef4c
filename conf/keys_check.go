package conf

// webKinds and tlsKinds are the kinds of check that speak HTTP and TLS, portKinds
// those that connect to a port.
var (
	portKinds = []string{"tcp", "http", "https"}
	webKinds  = []string{"http", "https"}
	tlsKinds  = []string{"https"}
	execKinds = []string{"exec"}
)

var checkSection = Section{
	Path:   "virtual_server.NAME.check",
	Header: "[virtual_server.web.check]",
	Keys: []Key{
		{Name: "kind", Type: String, Values: []string{"tcp", "http", "https", "exec"}, Required: true, Example: `"https"`,
			Doc: "What is asked of the server, at its own address: that it accepts a connection, that it answers a request, or that a program of yours says so."},
		{Name: "interval", Type: Duration, Min: 100 * ms, Max: 3600 * sec, Default: `"2s"`,
			Doc: "From the start of one probe to the start of the next."},
		{Name: "timeout", Type: Duration, Min: 10 * ms, Max: 3600 * sec, Implied: "the smaller of 1s and the interval", Example: `"1s"`,
			Doc: "Total deadline of a probe, connecting included. At most the interval, so that probes never overlap and a dead server is out after fall intervals and one timeout."},
		{Name: "rise", Type: Integer, Min: 1, Max: 100, Default: "2",
			Doc: "Successes in a row until a server that was down is up. The first verdict needs one result."},
		{Name: "fall", Type: Integer, Min: 1, Max: 100, Default: "3",
			Doc: "Failures in a row until a server that was up is down."},
		{Name: "port", Type: Integer, Min: 1, Max: 65535, Kinds: portKinds, Implied: "the real server's", Example: "8080", Aside: true,
			Doc: "The port to connect to, where it is another one than the service's, or the real server has none."},
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
