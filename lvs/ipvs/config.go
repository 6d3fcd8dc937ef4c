//go:build linux

package ipvs

import (
	"fmt"
	"time"

	moby "github.com/moby/ipvs"
	"github.com/vishvananda/netlink/nl"

	"failover/lvs"
)

// timeouts reads the timeouts of connections.
func (h *handle) timeouts() (lvs.Timeouts, error) {
	list, err := request(h, cmdGetConfig, 0, decodeTimeouts)
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("no answer")
	}
	if err != nil {
		return lvs.Timeouts{}, fmt.Errorf("timeouts: %w", err)
	}
	return list[0], nil
}

func decodeTimeouts(a attributes) (lvs.Timeouts, error) {
	return lvs.Timeouts{
		TCP:    uint32(a.number(attrTimeoutTCP)),
		TCPFin: uint32(a.number(attrTimeoutTCPFin)),
		UDP:    uint32(a.number(attrTimeoutUDP)),
	}, nil
}

// setTimeouts sets those that are not 0; the kernel takes 0 as "as it is".
func (h *handle) setTimeouts(t lvs.Timeouts) error {
	return h.moby.SetConfig(&moby.Config{
		TimeoutTCP:    time.Duration(t.TCP) * time.Second,
		TimeoutTCPFin: time.Duration(t.TCPFin) * time.Second,
		TimeoutUDP:    time.Duration(t.UDP) * time.Second,
	})
}

// zero resets counters.
func (h *handle) zero(k lvs.Key) error {
	var which []*nl.RtAttr
	if k != (lvs.Key{}) {
		which = append(which, keyAttribute(k))
	}
	return h.order(cmdZero, which...)
}
