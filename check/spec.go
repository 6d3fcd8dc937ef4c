// Package check decides whether a real server, or a tracked object of this
// machine, is up.
//
// [Spec] says what to ask and how often, check/probe asks, [Tally] counts (pure:
// rise and fall), a [Pool] runs the checks of all servers and reports each
// [Verdict].
package check

import (
	"net/netip"
	"time"
)

// Kind is the kind of a check.
type Kind string

// The kinds of checks. The last four look at this machine or its surroundings
// rather than at a service.
const (
	TCP       Kind = "tcp"
	HTTP      Kind = "http"
	HTTPS     Kind = "https"
	Exec      Kind = "exec"
	Interface Kind = "interface" // Object: there, up and with a carrier
	Process   Kind = "process"   // Object: a process of that name, or program, runs
	File      Kind = "file"      // Object: the file is there and does not say 0
	Ping      Kind = "address"   // Target's address answers an ICMP echo request
)

// Spec is one check of one real server or tracked object. It is comparable by [Spec.Equal]; two
// equal specs are one check.
type Spec struct {
	Kind     Kind
	Target   netip.AddrPort
	Object   string        `json:",omitempty"` // what is looked at by a kind without a Target
	Interval time.Duration // from the start of one probe to the start of the next
	Timeout  time.Duration // total deadline of one probe, connect included
	Rise     int           // successes in a row until up, ≥ 1
	Fall     int           // failures in a row until down, ≥ 1
	HTTP     *HTTPSpec     `json:",omitempty"`
	Exec     *ExecSpec     `json:",omitempty"`
}

// HTTPSpec is the HTTP part of a check (kinds http and https).
type HTTPSpec struct {
	Method  string // default GET
	Path    string // default /
	Host    string // Host header; default the target
	Headers map[string]string
	Status  []StatusRange // default 200–299
	Body    string        // substring that must occur
	// TLS, kind https: the certificate is verified unless SkipVerify.
	ServerName string
	CAFile     string
	SkipVerify bool
}

// StatusRange is an inclusive range of HTTP status codes.
type StatusRange struct{ From, To int }

// ExecSpec is a program that answers with its exit status: 0 is up.
type ExecSpec struct {
	Argv []string
	Name string // what the program is told as CHECK_NAME; empty: the target
	User string // who runs it; empty: the daemon's script_user
}

// Result is what one probe found.
type Result struct {
	OK     bool
	Detail string        // "200 OK", "connection refused": one line, complete in itself
	Took   time.Duration // how long the probe ran
}

// Status is the standing of what is checked.
type Status string

// The standings. Unknown: not one result yet.
const (
	Unknown Status = "unknown"
	Up      Status = "up"
	Down    Status = "down"
)

// ID names a check in the director: virtual server and real server.
type ID struct{ VirtualServer, RealServer string }

// Verdict is the standing after a result.
type Verdict struct {
	ID     ID
	Status Status
	Since  time.Time // of the last change of Status
	Result Result    // the newest one
	Streak int       // results in a row that speak against Status
	// Asked: each of the checks has given a result since it began.
	Asked bool
}
