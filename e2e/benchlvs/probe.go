package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"failover/e2e/lab"
)

// look is how often the kernel is asked for its last service: one small message,
// so that watching costs neither side anything.
const look = 10 * time.Millisecond

// probe looks at the last service in a node's kernel.
type probe struct {
	node   *lab.Node
	socket *nl.SocketHandle
	family int
}

func newProbe(n *lab.Node) (*probe, error) {
	p := &probe{node: n}
	return p, n.Do(func() error {
		family, err := netlink.GenlFamilyGet("IPVS")
		if err != nil {
			return fmt.Errorf("generic netlink family IPVS: %w", err)
		}
		socket, err := nl.GetNetlinkSocketAt(netns.None(), netns.None(), unix.NETLINK_GENERIC)
		if err != nil {
			return err
		}
		p.family, p.socket = int(family.ID), &nl.SocketHandle{Socket: socket}
		return nil
	})
}

func (p *probe) close() { p.socket.Close() }

// last returns how many real servers the last service of the shape has, and the
// weight of the last one; 0 of both while it is not there.
func (p *probe) last(s shape) (servers int, weight uint32, err error) {
	at := service(s.services - 1)
	a := nl.NewRtAttr(1|unix.NLA_F_NESTED, nil) // IPVS_CMD_ATTR_SERVICE
	a.AddRtAttr(1, nl.Uint16Attr(unix.AF_INET))
	a.AddRtAttr(2, nl.Uint16Attr(unix.IPPROTO_TCP))
	a.AddRtAttr(3, at.Addr().AsSlice())
	a.AddRtAttr(4, nl.BEUint16Attr(at.Port()))
	req := nl.NewNetlinkRequest(p.family, unix.NLM_F_DUMP)
	req.Sockets = map[int]*nl.SocketHandle{unix.NETLINK_GENERIC: p.socket}
	req.AddData(&nl.Genlmsg{Command: 8, Version: 1}) // IPVS_CMD_GET_DEST
	req.AddData(a)
	msgs, err := req.Execute(unix.NETLINK_GENERIC, 0)
	if err != nil || len(msgs) == 0 {
		return 0, 0, err
	}
	// The kernel lists the one inserted last first.
	outer, err := nl.ParseRouteAttr(msgs[0][nl.SizeofGenlmsg:])
	if err != nil || len(outer) == 0 {
		return 0, 0, errors.Join(err, errors.New("an answer without attributes"))
	}
	inner, err := nl.ParseRouteAttr(outer[0].Value)
	for _, a := range inner {
		if a.Attr.Type == 4 { // IPVS_DEST_ATTR_WEIGHT
			weight = nl.NativeEndian().Uint32(a.Value)
		}
	}
	return len(msgs), weight, err
}

// await waits until the last service is complete and the last weight is in, and
// returns when that was.
func (p *probe) await(ctx context.Context, s shape) (time.Time, error) {
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		n, weight, err := p.last(s)
		now := time.Now()
		if err != nil {
			return now, err
		}
		if n == serversEach && weight == uint32(s.weight) {
			return now, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return now, fmt.Errorf("the table of %s is not there: %w", s, ctx.Err())
		}
	}
}

// complete holds the whole table against the shape: by its number of lines.
func (p *probe) complete(s shape) error {
	return p.node.Do(func() error {
		text, err := os.ReadFile("/proc/thread-self/net/ip_vs")
		if err != nil {
			return err
		}
		services, servers := 0, 0
		for line := range strings.Lines(string(text)) {
			switch {
			case strings.HasPrefix(line, "TCP"):
				services++
			case strings.HasPrefix(line, "  -> ") && !strings.HasPrefix(line, "  -> Remote"):
				servers++
			}
		}
		if services != s.services || servers != s.services*serversEach {
			return fmt.Errorf("the table has %d services with %d servers, want %s", services, servers, s)
		}
		return nil
	})
}
