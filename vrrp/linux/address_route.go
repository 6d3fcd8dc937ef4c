package linux

import (
	"encoding/binary"
	"slices"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// behindMetric is the metric of the subnet's route that comes with an address on
// a device of ours. The interface below has the same subnet as a rule, and its
// route must win whichever came first: it has the machine's own address as its
// source, and the machine's own MAC address.
const behindMetric = 0xffff

// install writes an address, new or again.
func (h *Host) install(w wish, flags int) error {
	a := h.address(w)
	switch {
	case w.behind:
		return h.installBehind(a, flags)
	case flags&unix.NLM_F_EXCL != 0:
		return h.kernel.AddrAdd(nil, a)
	}
	return h.kernel.AddrReplace(nil, a)
}

// installBehind is install with IFA_RT_PRIORITY, which netlink.Addr has no field
// for.
func (h *Host) installBehind(a *netlink.Addr, flags int) error {
	req := nl.NewNetlinkRequest(unix.RTM_NEWADDR, flags|unix.NLM_F_ACK)
	family, ip := unix.AF_INET6, a.IP.To16()
	if v4 := a.IP.To4(); v4 != nil {
		family, ip = unix.AF_INET, v4
	}
	msg := nl.NewIfAddrmsg(family)
	bits, _ := a.Mask.Size()
	msg.Index, msg.Prefixlen, msg.Scope = uint32(a.LinkIndex), uint8(bits), uint8(a.Scope)
	req.AddData(msg)
	number := func(n uint32) []byte { return binary.NativeEndian.AppendUint32(nil, n) }
	req.AddData(nl.NewRtAttr(unix.IFA_LOCAL, ip))
	req.AddData(nl.NewRtAttr(unix.IFA_ADDRESS, ip))
	if family == unix.AF_INET && bits < 31 {
		all := make([]byte, len(ip))
		for i := range ip {
			all[i] = ip[i] | ^a.Mask[i]
		}
		req.AddData(nl.NewRtAttr(unix.IFA_BROADCAST, all))
	}
	if a.Label != "" {
		req.AddData(nl.NewRtAttr(unix.IFA_LABEL, nl.ZeroTerminated(a.Label)))
	}
	req.AddData(nl.NewRtAttr(unix.IFA_FLAGS, number(uint32(a.Flags))))
	req.AddData(nl.NewRtAttr(unix.IFA_RT_PRIORITY, number(behindMetric)))
	// linux/if_addr.h, struct ifa_cacheinfo: how long it is preferred, how long valid,
	// and two times that the kernel fills in.
	life := slices.Concat(number(uint32(a.PreferedLft)), number(uint32(a.ValidLft)), number(0), number(0))
	req.AddData(nl.NewRtAttr(unix.IFA_CACHEINFO, life))
	if a.Protocol != 0 {
		req.AddData(nl.NewRtAttr(netlink.IFA_PROTO, []byte{uint8(a.Protocol)}))
	}
	_, err := req.Execute(unix.NETLINK_ROUTE, 0)
	return err
}
