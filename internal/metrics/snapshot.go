// Package metrics writes what a director knows in the text format of Prometheus
// (https://prometheus.io/docs/instrumenting/exposition_formats, version 0.0.4).
//
// Nothing is counted here. A [Snapshot] is made of what the director knows
// anyway whenever somebody asks, and one table of families says how each of its
// values is called: the exposition and docs/metrics.md both come from it.
package metrics

import "time"

// Snapshot is everything that is exposed, taken at one moment. What is not known
// is left out of it and then has no series: a zero would look like a counter
// that was reset, or like a server that is down.
type Snapshot struct {
	Version   string // of the program
	GoVersion string // that built it
	Digest    string // of the configuration in force: "sha256:…"
	Problems  int    // how many status shows
	Engine    *Engine
	Pair      *Pair // nil: no peer link is configured
	Tracks    []Track
	Servers   []VirtualServer
	Reconcile Reconcile
	Reloads   Reloads
	Processes []Process
}

// Pair is what is known by the peer link.
type Pair struct {
	InSync    *bool             // nil: not known
	Reachable map[string]bool   // by director
	Refused   map[string]uint64 // connections and requests, by reason
	// Disagreements counts the real servers that another director has found otherwise,
	// by director; of one that says nothing that can be compared there is no count.
	Disagreements map[string]int
}

// Engine is what the engine process answered; nil where it did not.
type Engine struct {
	Groups         []Group
	DirectorStarts int                          // director processes this engine has started
	Unmatched      map[string]map[string]uint64 // packets of no router, by interface and reason
}

// Group is a group of virtual routers on this director.
type Group struct {
	Name        string
	LateWakeups uint64
	Routers     []Router
}

// Router is one virtual router on this director.
type Router struct {
	Name           string
	State          string // one of States
	Priority       int    // as advertised; 0 while handing over
	HoldsAddresses bool
	Transitions    uint64
	Sent           uint64
	Received       uint64
	SendErrors     uint64
	Rejected       map[string]uint64 // by reason, every reason, with 0 too
	Mismatched     map[string]uint64 // by what differs, everything, with 0 too
	Incompatible   int               // alive neighbours whose adverts do not fit ours
	Rivals         int               // neighbours that are master beside this director
	OneSided       bool              // silence here, though the master is heard elsewhere in the group
}

// Track is one tracked object of a virtual router.
type Track struct {
	Router, Kind, Name string
	Up                 *bool // nil: no verdict yet
}

// VirtualServer is one service of a virtual server.
type VirtualServer struct {
	Name    string
	Service string // "tcp 172.20.10.4:80", "fwmark 7"
	// Again: another service of the same table comes before this one. What they share
	// is told with that.
	Again     bool
	QuorumUp  bool
	Available int      // weight that may take connections
	Sorry     *bool    // whether the sorry server takes them; nil: there is none
	Traffic   *Traffic // nil: not in the kernel's table, or it could not be read
	Servers   []RealServer
}

// Traffic are the kernel's counters of a virtual server.
type Traffic struct {
	Connections, PacketsIn, PacketsOut, BytesIn, BytesOut uint64
}

// RealServer is one real server of a virtual server.
type RealServer struct {
	Name     string
	Up       *bool         // nil: not checked, or no verdict yet
	Took     time.Duration // of the newest probe; 0: none yet
	Operator string        // drain, disable, weight; empty: nothing
	Weight   *int          // in the kernel's table; nil: not in it
	Activity *Activity     // nil: not in the table, or it could not be read
}

// Activity is the live part of a real server's entry in the kernel's table.
type Activity struct {
	Connections      uint64 // scheduled to it so far
	Active, Inactive uint32
	Persistent       uint32 // clients bound to it
}

// Reconcile counts what the director did to the kernel's table.
type Reconcile struct {
	Operations map[string]uint64 // by kind, every kind, with 0 too
	Repairs    uint64
	Errors     uint64
}

// Reloads counts the configurations read since the director started, the first
// one included.
type Reloads struct {
	Succeeded, Failed uint64
	LastFailed        bool
	LastSuccess       time.Time
}

// States are the states of a virtual router, in the order they are exposed.
var States = []string{"init", "backup", "master", "fault"}
