package lab

import (
	"cmp"
	"net/netip"
	"time"
)

// System is a program that runs a pair of directors: failover, or one to
// compare it with. What happens to the pair is the same for all of them.
type System interface {
	// Name is a short word for figures.
	Name() string
	// Prepare sets a director up as its administrator would, once, before the
	// first start.
	Prepare(n *Node) error
	// Configure writes the director's configuration.
	Configure(n *Node, s Setup) error
	// Unit is the service as its package would install it.
	Unit(n *Node) UnitSpec
}

// Setup is what the pair is configured to do. The zero value of a field stands
// for the value in its comment.
type Setup struct {
	AdvertInterval time.Duration  // 1 s
	Priority       map[string]int // by director; lb1 150, lb2 100
	// PublicKeys are failover's, by director; with them the directors talk.
	PublicKeys    map[string]string
	NoPreempt     bool
	Check         string        // http; or tcp, none
	CheckInterval time.Duration // 1 s
	CheckTimeout  time.Duration // 1 s
	Rise, Fall    int           // 1 and 2
	Servers       []Server      // web1 and web2, weight 1
	NoSync        bool          // without connection sync
	Routers       []Router      // outside and inside, one group
	RouterLines   string        // of failover's file, for every virtual router
	Lines         string        // more of failover's file, at its end
	Scheduler     string        // of failover; rr
	Forward       string        // of failover; nat. dr needs [Lab.DirectRouting]
	ServerLines   string        // of failover's file, for the virtual server
	// RoutersOnly leaves the virtual server out, with checks and connection sync: what
	// remains needs no IPVS.
	RoutersOnly bool
}

// Router is a virtual router of the pair with its one address.
type Router struct {
	Name    string
	Link    string // the directors' interface
	VRID    int
	Address netip.Prefix
	Group   string // routers of a group move together; empty: it stands alone
}

// DefaultRouters are the virtual routers on both sides of the directors.
func DefaultRouters() []Router {
	return []Router{
		{"outside", "eth2", 51, VirtualOutside, "nat"},
		{"inside", "eth1", 52, VirtualInside, "nat"},
	}
}

// Server is a real server of the pair's one virtual server.
type Server struct {
	Name    string
	Address string // with port
	Weight  int    // as written; 0 is 0
	Lines   string // more of failover's inline table, each with a comma before it
}

// DefaultServers are the web servers of the lab.
func DefaultServers() []Server {
	return []Server{
		{Name: "web1", Address: "192.168.33.92:80", Weight: 1},
		{Name: "web2", Address: "192.168.33.93:80", Weight: 1},
	}
}

// withDefaults fills in what the zero values stand for.
func (s Setup) withDefaults() Setup {
	s.AdvertInterval = cmp.Or(s.AdvertInterval, time.Second)
	s.Check = cmp.Or(s.Check, "http")
	s.CheckInterval = cmp.Or(s.CheckInterval, time.Second)
	s.CheckTimeout = cmp.Or(s.CheckTimeout, time.Second)
	s.Scheduler, s.Forward = cmp.Or(s.Scheduler, "rr"), cmp.Or(s.Forward, "nat")
	s.Rise = cmp.Or(s.Rise, 1)
	s.Fall = cmp.Or(s.Fall, 2)
	if s.Priority == nil {
		s.Priority = map[string]int{"lb1": 150, "lb2": 100}
	}
	if s.Routers == nil {
		s.Routers = DefaultRouters()
	}
	switch {
	case s.RoutersOnly:
		s.Servers, s.NoSync = nil, true
	case s.Servers == nil:
		s.Servers = DefaultServers()
	}
	return s
}

// virtual are the addresses that move.
func (s Setup) virtual() []netip.Addr {
	var list []netip.Addr
	for _, r := range s.Routers {
		list = append(list, r.Address.Addr())
	}
	return list
}
