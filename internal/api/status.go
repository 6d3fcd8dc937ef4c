// Package api holds the JSON types that users read. They are the only status
// types: the control socket, status --json and later the page share them.
// Fields may be added, never renamed.
package api

import (
	"fmt"
	"time"
)

// Status is what `failover status --json` prints.
type Status struct {
	Node    string    `json:"node"`
	Time    time.Time `json:"time"`
	Healthy bool      `json:"healthy"`
	// InSync is null while no peer link is configured.
	InSync    *bool      `json:"in_sync"`
	Problems  []string   `json:"problems"`
	Directors []Director `json:"directors"`
}

// Director is one director of the deployment.
type Director struct {
	Name string `json:"name"`
	Self bool   `json:"self"`
	// Reachable is null for a director we know from its adverts only.
	Reachable     *bool  `json:"reachable"`
	Version       string `json:"version,omitempty"`
	UptimeSeconds int64  `json:"uptime_seconds"`
	Maintenance   bool   `json:"maintenance"`
	ConfigDigest  string `json:"config_digest,omitempty"`
	TableDigest   string `json:"table_digest,omitempty"`
	// UnmatchedAdverts counts, by interface and reason, packets of VRRP that belong to
	// no virtual router of this director: of a VRID it does not have, or no adverts.
	UnmatchedAdverts map[string]map[string]uint64 `json:"unmatched_adverts,omitempty"`
	VirtualRouters   []VirtualRouter              `json:"virtual_routers"`
	VirtualServers   []VirtualServer              `json:"virtual_servers"`
}

// VirtualRouter is one virtual router on one director.
type VirtualRouter struct {
	Name              string    `json:"name"`
	Group             string    `json:"group"`
	Interface         string    `json:"interface"`
	VRID              int       `json:"vrid"`
	Version           int       `json:"version"`
	Family            string    `json:"family"` // ipv4 | ipv6
	State             string    `json:"state"`  // init | backup | master | fault
	Since             time.Time `json:"since,omitzero"`
	Cause             string    `json:"cause"`
	Priority          int       `json:"priority"`
	EffectivePriority int       `json:"effective_priority"`
	Preferred         string    `json:"preferred"`
	Addresses         []string  `json:"addresses"`
	// AddressAttributes are of those of Addresses that are not held as usual.
	AddressAttributes []AddressAttributes `json:"address_attributes,omitempty"`
	// Routes and Rules are there while it is master, in the words of ip(8).
	Routes []string `json:"routes,omitempty"`
	Rules  []string `json:"rules,omitempty"`
	// MAC is the virtual MAC address that Addresses are at, Device what has it here;
	// empty: they are at the interface's own.
	MAC              string `json:"mac,omitempty"`
	Device           string `json:"device,omitempty"`
	MasterAddress    string `json:"master_address"`
	AdvertIntervalMS int64  `json:"advert_interval_ms"`
	// MasterIntervalMS is the interval that the master's death is told by: the
	// master's own as its adverts state it, AdvertIntervalMS until one is heard.
	MasterIntervalMS int64  `json:"master_interval_ms"`
	Transitions      uint64 `json:"transitions"`
	AdvertsSent      uint64 `json:"adverts_sent"`
	AdvertsReceived  uint64 `json:"adverts_received"`
	AdvertsRejected  uint64 `json:"adverts_rejected"`
	// RejectedBy splits AdvertsRejected by reason.
	RejectedBy map[string]uint64 `json:"adverts_rejected_by,omitempty"`
	Tracks     []Track           `json:"tracks"`
	// TakingOver: it is master for its neighbours, and State says so when the
	// take-over step has succeeded.
	TakingOver bool      `json:"taking_over,omitempty"`
	TakeOver   *TakeOver `json:"take_over,omitempty"` // null without such a step
	Notify     *Notify   `json:"notify,omitempty"`    // null without such a hook
	// OneSided is another router of the group on which this backup hears the master
	// while it hears nothing here.
	OneSided string `json:"one_sided,omitempty"`
	// Neighbours are the other routers of the VRID whose adverts this director hears,
	// also those whose adverts it has to discard.
	Neighbours []Neighbour `json:"neighbours,omitempty"`
}

// AddressAttributes are how an address is held, as the configuration says.
type AddressAttributes struct {
	Address       string `json:"address"`
	Interface     string `json:"interface"`
	Label         string `json:"label,omitempty"` // empty: the interface's name
	Scope         string `json:"scope,omitempty"` // empty: global, or what an IPv6 address tells
	NoPrefixRoute bool   `json:"noprefixroute"`
	Advertised    bool   `json:"advertised"`
}

// Neighbour is another router of a virtual router, as its newest advert tells.
type Neighbour struct {
	Address          string    `json:"address"`
	Director         string    `json:"director,omitempty"` // whose address it is, where the file tells
	Alive            bool      `json:"alive"`              // its adverts have not been missing for long
	Version          int       `json:"version"`
	Priority         int       `json:"priority"`
	AdvertIntervalMS int64     `json:"advert_interval_ms"`
	Seen             time.Time `json:"seen,omitzero"`
	// RejectedBy is why its adverts are discarded; empty: they count.
	RejectedBy string `json:"rejected_by,omitempty"`
	// Differs is what it has otherwise than this director.
	Differs []Difference `json:"differs,omitempty"`
	// GoesOn: it is master beside this director, which outranks it.
	GoesOn bool `json:"goes_on,omitempty"`
	// Left: the mastership is left to it because of what differs.
	Left bool `json:"left,omitempty"`
}

// Difference is one field of a neighbour's adverts that is not as ours.
type Difference struct {
	Field  string `json:"field"`
	Ours   string `json:"ours"`
	Theirs string `json:"theirs"`
}

// Track is one tracked object of a virtual router.
type Track struct {
	Kind   string `json:"kind"`
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Weight int    `json:"weight"`
	// Check is up, down or unknown; OK is true for up alone.
	Check       string    `json:"check"`
	CheckDetail string    `json:"check_detail"`
	Since       time.Time `json:"since,omitzero"`
}

// TakeOver is the step before a new master is reported.
type TakeOver struct {
	State   string    `json:"state"`   // "" not begun | running | done | failed
	Attempt int       `json:"attempt"` // the newest, from 1
	Detail  string    `json:"detail"`  // what became of it
	Since   time.Time `json:"since,omitzero"`
}

// Notify is the hook that is told of changes.
type Notify struct {
	Told    string    `json:"told"` // the state that it was told last; of a virtual server "web/web1 down"
	Running bool      `json:"running"`
	OK      bool      `json:"ok"`      // it ended with status 0
	Detail  string    `json:"detail"`  // "exit status 0"; empty: it has not run yet
	Dropped uint64    `json:"dropped"` // changes that were over before the hooks had time for them
	At      time.Time `json:"at,omitzero"`
}

// VirtualServer is one virtual server on one director.
type VirtualServer struct {
	Name      string `json:"name"`
	Protocol  string `json:"protocol"` // empty for a firewall mark, and so is Address
	Address   string `json:"address"`
	FWMark    int    `json:"fwmark"` // 0: it is no service by firewall mark
	Family    string `json:"family"` // ipv4 | ipv6
	Scheduler string `json:"scheduler"`
	Forward   string `json:"forward"`
	Quorum    string `json:"quorum"` // up | down
	// QuorumWeight is the weight that may take connections, QuorumNeeded what makes
	// the quorum, Hysteresis included.
	QuorumWeight int          `json:"quorum_weight"`
	QuorumNeeded int          `json:"quorum_needed"`
	Sorry        bool         `json:"sorry"` // the sorry server takes the connections
	SorryServer  string       `json:"sorry_server,omitempty"`
	Connections  uint64       `json:"connections"`
	PacketsIn    uint64       `json:"packets_in"`
	PacketsOut   uint64       `json:"packets_out"`
	BytesIn      uint64       `json:"bytes_in"`
	BytesOut     uint64       `json:"bytes_out"`
	RealServers  []RealServer `json:"real_servers"`
	Notify       *Notify      `json:"notify,omitempty"` // null without such a hook; shared by the services of a table
}

// RealServer is one real server: four separate facts, never folded into one.
type RealServer struct {
	Name             string `json:"name"`
	Address          string `json:"address"`
	ConfiguredWeight int    `json:"configured_weight"` // what the configuration says
	Operator         string `json:"operator"`          // what the operator says: "" | drain | disable | weight
	// OperatorWeight is the weight of "weight"; null for everything else.
	OperatorWeight *int      `json:"operator_weight,omitempty"`
	OperatorSince  time.Time `json:"operator_since,omitzero"`
	// Drained: the drain has come to its end. DrainForced: by its timeout, with
	// something left.
	Drained     bool      `json:"drained,omitempty"`
	DrainForced bool      `json:"drain_forced,omitempty"`
	Check       string    `json:"check"` // what the checks say: up | down | unknown
	CheckDetail string    `json:"check_detail"`
	Since       time.Time `json:"since,omitzero"`
	// Disputed: the directors have found it differently for a moment, and neither gives
	// it new connections until they agree or go by their own checks.
	Disputed bool `json:"disputed,omitempty"`
	// KernelWeight is what the kernel has; null when the server is not in its table.
	KernelWeight        *int   `json:"kernel_weight"`
	ActiveConnections   uint32 `json:"active_connections"`
	InactiveConnections uint32 `json:"inactive_connections"`
	// PersistentClients are those that persistence binds to it.
	PersistentClients uint32 `json:"persistent_clients"`
	MaxConnections    uint32 `json:"max_connections,omitempty"` // its thresholds in the kernel's table
	MinConnections    uint32 `json:"min_connections,omitempty"`
}

// Service names the kernel's service: "tcp 172.20.10.4:80", "fwmark 7",
// "fwmark 7 (IPv6)".
func (v VirtualServer) Service() string {
	switch {
	case v.FWMark == 0:
		return v.Protocol + " " + v.Address
	case v.Family == "ipv6":
		return fmt.Sprintf("fwmark %d (IPv6)", v.FWMark)
	}
	return fmt.Sprintf("fwmark %d", v.FWMark)
}
