package interop

import (
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// answerWindow is how long answers to one ARP request are collected. The kernels
// of the directors give them at once.
const answerWindow = 50 * time.Millisecond

// answers are the hardware addresses that answer the client's ARP request for an
// address of the outside network.
func (d *duel) answers(a netip.Addr) (macs []string, err error) {
	var fd int
	var self *net.Interface
	err = d.lab.Client.Do(func() (err error) {
		if self, err = net.InterfaceByName("eth0"); err != nil {
			return err
		}
		fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, int(network16(unix.ETH_P_ARP)))
		return err
	})
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	to := &unix.SockaddrLinklayer{Protocol: network16(unix.ETH_P_ARP), Ifindex: self.Index, Halen: 6,
		Addr: [8]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}
	if err := unix.Sendto(fd, arpRequest(self.HardwareAddr, clientAddress, a), 0, to); err != nil {
		return nil, err
	}
	b := make([]byte, 128)
	for end := time.Now().Add(answerWindow); time.Now().Before(end); {
		left := unix.NsecToTimeval(max(int64(time.Until(end)), int64(time.Millisecond)))
		if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &left); err != nil {
			return nil, err
		}
		n, _, err := unix.Recvfrom(fd, b, 0)
		if err != nil || n < 28 {
			continue // nothing within the time
		}
		// A reply is operation 2; the sender's addresses come first.
		if binary.BigEndian.Uint16(b[6:]) == 2 && netip.AddrFrom4([4]byte(b[14:18])) == a {
			if mac := net.HardwareAddr(b[8:14]).String(); !slices.Contains(macs, mac) {
				macs = append(macs, mac)
			}
		}
	}
	return macs, nil
}

// clientAddress is the lab's client on the outside network.
var clientAddress = netip.MustParseAddr("172.20.10.1")

// arpRequest asks who has an IPv4 address (RFC 826).
func arpRequest(mac net.HardwareAddr, from, of netip.Addr) []byte {
	b := binary.BigEndian.AppendUint16(nil, 1) // Ethernet
	b = binary.BigEndian.AppendUint16(b, unix.ETH_P_IP)
	b = append(b, 6, 4, 0, 1)
	b = append(append(b, mac...), from.AsSlice()...)
	return append(append(b, make([]byte, 6)...), of.AsSlice()...)
}

// network16 is a number in network byte order.
func network16(n uint16) uint16 {
	return binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, n))
}

// answered sees that the client gets the outside address from the master, and
// from nobody else.
func (d *duel) answered(master party) {
	d.Helper()
	if d.trial.Family != 4 {
		return
	}
	var macs []string
	d.await(5*time.Second, "the outside address is answered for", func() (ok bool, err error) {
		macs, err = d.answers(networks(4)[0].virtual.Addr())
		return len(macs) > 0, err
	})
	links, err := dump(d.links[master.node()].LinkList)
	if err != nil {
		d.Fatal(err)
	}
	var own []string
	for _, l := range links {
		own = append(own, l.Attrs().HardwareAddr.String())
	}
	if len(macs) != 1 || !slices.Contains(own, macs[0]) {
		d.Errorf("%v answer for the outside address, the master %s has %v", macs, master.name(), own)
	}
}
