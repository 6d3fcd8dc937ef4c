package policy

import (
	"net/netip"

	"failover/lvs"
)

// entries are the real servers of one service in the kernel's table; nil: the
// service is not there.
type entries struct {
	servers []lvs.Server
	next    int // where the one that is asked for next is to be expected
}

// inKernel finds a service in the kernel's table as last read.
func inKernel(w *World) map[lvs.Key]*entries {
	m := make(map[lvs.Key]*entries, len(w.Kernel.Services))
	all := make([]entries, len(w.Kernel.Services))
	for i, s := range w.Kernel.Services {
		all[i].servers = s.Servers
		m[s.Key] = &all[i]
	}
	return m
}

// weight is the weight that a real server has there, if it is there. Who asks goes
// by the file, in whose sequence the kernel has the servers nearly always: so it is
// looked for from behind the last one that was found.
func (e *entries) weight(server netip.AddrPort) (weight int, there bool) {
	if e == nil {
		return 0, false
	}
	for i := range e.servers {
		at := (e.next + i) % len(e.servers)
		if e.servers[at].Address == server {
			e.next = at + 1
			return e.servers[at].Weight, true
		}
	}
	return 0, false
}

// takesThere tells whether a real server is there and takes connections.
func (e *entries) takesThere(server netip.AddrPort) bool {
	weight, _ := e.weight(server)
	return weight > 0
}
