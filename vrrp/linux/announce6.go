package linux

import (
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/mdlayher/ethernet"
	"github.com/mdlayher/ndp"
)

// protocolICMPv6 is the next header of neighbour discovery.
const protocolICMPv6 = 58

// allNodes is where unsolicited advertisements go, as an address and as ethernet
// has it (RFC 2464 section 7).
var (
	allNodes    = netip.MustParseAddr("ff02::1")
	allNodesMAC = net.HardwareAddr{0x33, 0x33, 0, 0, 0, 1}
)

// unsolicited is the frame that tells a link who has an IPv6 address.
//
// RFC 9568 section 6.4.2: an unsolicited neighbour advertisement with the Router
// flag (R) set, the Solicited flag (S) unset, the Override flag (O) set, the
// target address set to the address of the virtual router, and the target
// link-layer address. A host that hears of a router without the R flag drops its
// routes through it (RFC 4861 section 7.2.5); of one that does not forward, that
// is the truth.
func unsolicited(from net.HardwareAddr, ip netip.Addr, router bool) ([]byte, error) {
	b, err := ndp.MarshalMessageChecksum(&ndp.NeighborAdvertisement{
		Router: router, Solicited: false, Override: true, TargetAddress: ip,
		Options: []ndp.Option{&ndp.LinkLayerAddress{Direction: ndp.Target, Addr: from}},
	}, ip, allNodes)
	if err != nil {
		return nil, err
	}
	// RFC 4861 section 7.1.2: any hop limit but 255 is a packet from elsewhere.
	packet := append(header6(len(b), protocolICMPv6, ip.As16(), allNodes.As16()), b...)
	f := ethernet.Frame{Destination: allNodesMAC, Source: from, EtherType: ethernet.EtherTypeIPv6, Payload: packet}
	return f.MarshalBinary()
}

// forwards6 tells whether this machine is an IPv6 router on an interface.
func forwards6(iface string) bool {
	b, err := os.ReadFile("/proc/sys/net/ipv6/conf/" + iface + "/forwarding")
	return err == nil && strings.TrimSpace(string(b)) != "0"
}
