package interop

import (
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/mdlayher/ndp"
	"golang.org/x/sys/unix"
)

// answerWindow is how long answers to one question of the client are collected.
// The kernels of the directors give them at once.
const answerWindow = 50 * time.Millisecond

// question is what the client outside asks its link, and who answers.
type question struct {
	protocol uint16
	to       net.HardwareAddr
	packet   []byte
	// answer is the hardware address in a packet that answers.
	answer func([]byte) (net.HardwareAddr, bool)
}

// whoHas asks for an address of IPv4 (RFC 826).
func whoHas(self net.HardwareAddr, from, a netip.Addr) question {
	b := binary.BigEndian.AppendUint16(nil, 1) // Ethernet
	b = binary.BigEndian.AppendUint16(b, unix.ETH_P_IP)
	b = append(b, 6, 4, 0, 1)
	b = append(append(b, self...), from.AsSlice()...)
	b = append(append(b, make([]byte, 6)...), a.AsSlice()...)
	return question{unix.ETH_P_ARP, net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, b, func(b []byte) (net.HardwareAddr, bool) {
		// A reply is operation 2; the sender's addresses come first.
		if len(b) < 28 || binary.BigEndian.Uint16(b[6:]) != 2 || netip.AddrFrom4([4]byte(b[14:18])) != a {
			return nil, false
		}
		return slices.Clone(b[8:14]), true
	}}
}

// solicit asks for an address of IPv6 (RFC 4861 section 4.3).
func solicit(self net.HardwareAddr, from, a netip.Addr) (question, error) {
	group, err := ndp.SolicitedNodeMulticast(a)
	if err != nil {
		return question{}, err
	}
	body, err := ndp.MarshalMessageChecksum(&ndp.NeighborSolicitation{TargetAddress: a, Options: []ndp.Option{
		&ndp.LinkLayerAddress{Direction: ndp.Source, Addr: self},
	}}, from, group)
	if err != nil {
		return question{}, err
	}
	b := binary.BigEndian.AppendUint16([]byte{0x60, 0, 0, 0}, uint16(len(body)))
	b = append(b, unix.IPPROTO_ICMPV6, ndp.HopLimit)
	b = slices.Concat(b, from.AsSlice(), group.AsSlice(), body)
	to := append(net.HardwareAddr{0x33, 0x33}, group.AsSlice()[12:]...)
	return question{unix.ETH_P_IPV6, to, b, func(b []byte) (net.HardwareAddr, bool) {
		if len(b) < 40 || b[6] != unix.IPPROTO_ICMPV6 {
			return nil, false
		}
		m, err := ndp.ParseMessage(b[40 : 40+min(len(b)-40, int(binary.BigEndian.Uint16(b[4:])))])
		na, ok := m.(*ndp.NeighborAdvertisement)
		if err != nil || !ok || na.TargetAddress != a || !na.Solicited {
			return nil, false
		}
		for _, o := range na.Options {
			if at, ok := o.(*ndp.LinkLayerAddress); ok {
				return at.Addr, true
			}
		}
		return nil, false
	}}, nil
}

// answers are the hardware addresses that answer the client for an address of the
// outside network.
func (d *duel) answers(a netip.Addr) (macs []string, err error) {
	var fd int
	var self *net.Interface
	err = d.lab.Client.Do(func() (err error) {
		if self, err = net.InterfaceByName("eth0"); err == nil {
			// It takes every packet; those of other protocols are no answers.
			fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, int(network16(unix.ETH_P_ALL)))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	from := networks(d.trial.Family)[0].client
	q := whoHas(self.HardwareAddr, from, a)
	if a.Is6() {
		if q, err = solicit(self.HardwareAddr, from, a); err != nil {
			return nil, err
		}
	}
	to := &unix.SockaddrLinklayer{Protocol: network16(q.protocol), Ifindex: self.Index, Halen: 6, Addr: [8]byte(append(q.to, 0, 0))}
	if err := unix.Sendto(fd, q.packet, 0, to); err != nil {
		return nil, err
	}
	b := make([]byte, 2048)
	for end := time.Now().Add(answerWindow); time.Now().Before(end); {
		left := unix.NsecToTimeval(max(int64(time.Until(end)), int64(time.Millisecond)))
		if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &left); err != nil {
			return nil, err
		}
		n, at, err := unix.Recvfrom(fd, b, 0)
		if l, ok := at.(*unix.SockaddrLinklayer); err != nil || !ok || l.Protocol != network16(q.protocol) {
			continue // nothing within the time
		}
		if mac, ok := q.answer(b[:n]); ok && !slices.Contains(macs, mac.String()) {
			macs = append(macs, mac.String())
		}
	}
	return macs, nil
}

// network16 is a number in network byte order.
func network16(n uint16) uint16 {
	return binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, n))
}

// answered sees that the client gets the outside addresses from the master, and
// from nobody else.
func (d *duel) answered(master party) {
	d.Helper()
	links, err := dump(d.links[master.node()].LinkList)
	if err != nil {
		d.Fatal(err)
	}
	var own []string
	for _, l := range links {
		own = append(own, l.Attrs().HardwareAddr.String())
	}
	for _, p := range networks(d.trial.Family)[0].virtual {
		var macs []string
		d.await(5*time.Second, p.Addr().String()+" is answered for", func() (ok bool, err error) {
			macs, err = d.answers(p.Addr())
			return len(macs) > 0, err
		})
		if len(macs) != 1 || !slices.Contains(own, macs[0]) {
			d.Errorf("%v answer for %s, the master %s has %v", macs, p.Addr(), master.name(), own)
		}
	}
}
