//go:build linux

package ipvs

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"failover/lvs"
)

// entry is a service as read: the table's part and the counters.
type entry struct {
	service  lvs.Service
	counters lvs.Counters
	servers  []lvs.ServerStats // beside service.Servers
}

// server is a real server as read.
type server struct {
	lvs.Server
	stats lvs.ServerStats
}

// Dump implements [lvs.Kernel]. The kernel does not lock the table from the
// first request to the last: a change in between can hide an entry.
func (k *Kernel) Dump(ctx context.Context) (lvs.Table, error) {
	t, err := call(ctx, k, func(h *handle) (lvs.Table, error) {
		entries, err := h.entries(ctx)
		if err != nil {
			return lvs.Table{}, err
		}
		t := lvs.Table{Services: make([]lvs.Service, len(entries))}
		for i := range entries {
			t.Services[i] = entries[i].service
		}
		if t.Timeouts, err = h.timeouts(); err != nil {
			return t, err
		}
		t.Sync, err = h.daemons()
		return t, err
	})
	return t, readError(err)
}

// Stats implements [lvs.Kernel]. The kernel's counters may be up to 2 s old.
func (k *Kernel) Stats(ctx context.Context) (lvs.Stats, error) {
	s, err := call(ctx, k, func(h *handle) (lvs.Stats, error) {
		entries, err := h.entries(ctx)
		if err != nil {
			return lvs.Stats{}, err
		}
		s := lvs.Stats{
			Services: make(map[lvs.Key]lvs.Counters, len(entries)),
			Servers:  make(map[lvs.Key]map[lvs.ServerID]lvs.ServerStats, len(entries)),
		}
		for _, e := range entries {
			s.Services[e.service.Key] = e.counters
			servers := make(map[lvs.ServerID]lvs.ServerStats, len(e.servers))
			for i, r := range e.service.Servers {
				servers[r.ID()] = e.servers[i]
			}
			s.Servers[e.service.Key] = servers
		}
		return s, nil
	})
	return s, readError(err)
}

// entries reads every service and its servers, in order of keys.
func (h *handle) entries(ctx context.Context) ([]entry, error) {
	out, err := request(h, cmdGetService, unix.NLM_F_DUMP, decodeService)
	if err != nil {
		return nil, fmt.Errorf("services: %w", err)
	}
	slices.SortFunc(out, func(a, b entry) int { return a.service.Key.Compare(b.service.Key) })
	out = slices.CompactFunc(out, func(a, b entry) bool { return a.service.Key == b.service.Key })
	for i := range out {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := h.servers(&out[i]); err != nil {
			return nil, fmt.Errorf("servers of %s: %w", out[i].service.Key, err)
		}
	}
	return out, nil
}

// servers fills in the servers of a service. The kernel lists the one inserted
// last first; here they stand in order of insertion. For a service that has gone
// meanwhile it lists none.
func (h *handle) servers(e *entry) error {
	list, err := request(h, cmdGetDest, unix.NLM_F_DUMP, decodeServer, keyAttribute(e.service.Key))
	if err != nil || len(list) == 0 {
		return err
	}
	seen := make(map[netip.AddrPort]bool, len(list))
	e.service.Servers = make([]lvs.Server, 0, len(list))
	e.servers = make([]lvs.ServerStats, 0, len(list))
	for _, one := range slices.Backward(list) {
		if seen[one.Address] {
			continue // shown twice, because another was added during the dump
		}
		seen[one.Address] = true
		e.service.Servers = append(e.service.Servers, one.Server)
		e.servers = append(e.servers, one.stats)
	}
	return nil
}

// readError says what was being done.
func readError(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, unix.ENOENT) { // no call that reads has another reason
		err = errUnloaded(err)
	}
	return fmt.Errorf("ipvs: read table: %w", permission(err))
}

// keyAttribute names a service in a request.
func keyAttribute(k lvs.Key) *nl.RtAttr {
	a := nl.NewRtAttr(attrService|unix.NLA_F_NESTED, nil)
	a.AddRtAttr(svcFamily, nl.Uint16Attr(addressFamily(k)))
	if k.FWMark != 0 {
		a.AddRtAttr(svcFWMark, nl.Uint32Attr(k.FWMark))
		return a
	}
	a.AddRtAttr(svcProtocol, nl.Uint16Attr(protocolNumber(k.Protocol)))
	a.AddRtAttr(svcAddress, k.Address.Addr().AsSlice())
	a.AddRtAttr(svcPort, nl.BEUint16Attr(k.Address.Port()))
	return a
}
