//go:build linux

package ipvs

import (
	"context"
	"errors"
	"fmt"
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

// Dump implements [lvs.Kernel]. The kernel does not lock the table from the
// first request to the last: a change in between can hide an entry.
func (k *Kernel) Dump(ctx context.Context) (lvs.Table, error) {
	t, err := call(ctx, k, func(h *handle) (lvs.Table, error) {
		entries, err := h.entries(ctx)
		if err != nil {
			return lvs.Table{}, err
		}
		var t lvs.Table
		for _, e := range entries {
			t.Services = append(t.Services, e.service)
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
	msgs, err := h.request(cmdGetService, unix.NLM_F_DUMP)
	if err != nil {
		return nil, fmt.Errorf("services: %w", err)
	}
	out := make([]entry, 0, len(msgs))
	for _, m := range msgs {
		e, err := decodeService(m)
		if err != nil {
			return nil, fmt.Errorf("services: %w", err)
		}
		out = append(out, e)
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
	msgs, err := h.request(cmdGetDest, unix.NLM_F_DUMP, keyAttribute(e.service.Key))
	if err != nil {
		return err
	}
	for _, m := range slices.Backward(msgs) {
		server, stats, err := decodeServer(m)
		if err != nil {
			return err
		}
		same := func(r lvs.Server) bool { return r.Address == server.Address }
		if slices.ContainsFunc(e.service.Servers, same) {
			continue // shown twice, because another was added during the dump
		}
		e.service.Servers = append(e.service.Servers, server)
		e.servers = append(e.servers, stats)
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
