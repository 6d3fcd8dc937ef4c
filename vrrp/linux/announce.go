package linux

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/mdlayher/arp"
	"github.com/mdlayher/ethernet"
	"github.com/mdlayher/packet"
	"github.com/vishvananda/netlink"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"failover/vrrp"
)

// announcePatience bounds the wait for room in an interface's queue.
const announcePatience = 200 * time.Millisecond

// unknown is the target of a gratuitous request: what is asked for.
var unknown = net.HardwareAddr{0, 0, 0, 0, 0, 0}

// speaker sends ethernet frames, on one socket per interface.
type speaker struct {
	mu     sync.Mutex
	voices map[string]*voice
}

// voice is the socket of one interface. It is bound to the index.
type voice struct {
	index int
	conn  *packet.Conn
}

// Announce implements [vrrp.Host]. A round is a gratuitous ARP request and a
// gratuitous reply for each address, for there are neighbours that heed only the
// one or the other (RFC 5227 section 3 prefers the request); for an IPv6 address
// it is one unsolicited neighbour advertisement. An interface without ARP, or
// neighbour discovery, has nobody to tell.
func (h *Host) Announce(ctx context.Context, o vrrp.Owned) error {
	h.speaker.mu.Lock()
	defer h.speaker.mu.Unlock()
	var errs []error
	for _, a := range o.Addresses {
		if err := ctx.Err(); err != nil {
			return errors.Join(append(errs, fmt.Errorf("vrrp: announce group %s: %w", o.Group, err))...)
		}
		if err := h.announce(a); err != nil {
			errs = append(errs, fmt.Errorf("vrrp: announce %s on %s: %w", a.Address.Addr(), a.Interface, err))
		}
	}
	return errors.Join(errs...)
}

// announce sends what there is to say of one address.
func (h *Host) announce(a vrrp.OwnedAddress) error {
	link, err := h.kernel.LinkByName(a.Interface)
	if err != nil {
		return noLink(err)
	}
	at := link.Attrs()
	if at.RawFlags&unix.IFF_NOARP != 0 || len(at.HardwareAddr) != len(unknown) {
		return nil
	}
	from := at.HardwareAddr
	if a.MAC != (vrrp.MAC{}) {
		from = a.MAC[:]
	}
	if a.Address.Addr().Is6() {
		frame, err := unsolicited(from, a.Address.Addr(), forwards6(a.Interface))
		if err != nil {
			return err
		}
		return h.speaker.say(at, frame)
	}
	for _, form := range []struct {
		op     arp.Operation
		target net.HardwareAddr
	}{
		{arp.OperationRequest, unknown},
		{arp.OperationReply, ethernet.Broadcast},
	} {
		frame, err := gratuitous(form.op, from, a.Address.Addr(), form.target)
		if err != nil {
			return err
		}
		if err := h.speaker.say(at, frame); err != nil {
			return err
		}
	}
	return nil
}

// gratuitous is the frame that tells a link who has an address: sender and target
// address are the same (RFC 5227 section 3).
func gratuitous(op arp.Operation, from net.HardwareAddr, ip netip.Addr, target net.HardwareAddr) ([]byte, error) {
	p, err := arp.NewPacket(op, from, ip, target, ip)
	if err != nil {
		return nil, err
	}
	b, err := p.MarshalBinary()
	if err != nil {
		return nil, err
	}
	f := ethernet.Frame{Destination: ethernet.Broadcast, Source: from, EtherType: ethernet.EtherTypeARP, Payload: b}
	return f.MarshalBinary()
}

// say sends a frame. A socket on which the link went down reports that once,
// though the link may be up again: it is opened anew and tried a second time.
func (s *speaker) say(at *netlink.LinkAttrs, frame []byte) error {
	var err error
	for range 2 {
		var v *voice
		if v, err = s.voice(at); err != nil {
			return err
		}
		if err = v.conn.SetWriteDeadline(time.Now().Add(announcePatience)); err == nil {
			_, err = v.conn.WriteTo(frame, &packet.Addr{HardwareAddr: ethernet.Broadcast})
		}
		if err == nil {
			return nil
		}
		delete(s.voices, at.Name)
		_ = v.conn.Close() // the error that counts is err
		if !errors.Is(err, unix.ENETDOWN) && !errors.Is(err, unix.ENXIO) && !errors.Is(err, unix.ENODEV) {
			break
		}
	}
	return innermost(err)
}

// voice returns the socket of an interface, opened anew where the interface is
// not the one it was.
func (s *speaker) voice(at *netlink.LinkAttrs) (*voice, error) {
	old := s.voices[at.Name]
	if old != nil && old.index == at.Index {
		return old, nil
	}
	if old != nil {
		delete(s.voices, at.Name)
		_ = old.conn.Close() // of an interface that is gone
	}
	// It only sends: the filter lets nothing in.
	drop, err := bpf.Assemble([]bpf.Instruction{bpf.RetConstant{Val: 0}})
	if err != nil {
		return nil, err
	}
	ifi := &net.Interface{Index: at.Index, Name: at.Name, MTU: at.MTU, HardwareAddr: at.HardwareAddr}
	conn, err := packet.Listen(ifi, packet.Raw, 0, &packet.Config{Filter: drop})
	if err != nil {
		return nil, innermost(err)
	}
	if s.voices == nil {
		s.voices = map[string]*voice{}
	}
	s.voices[at.Name] = &voice{index: at.Index, conn: conn}
	return s.voices[at.Name], nil
}

// close closes every socket.
func (s *speaker) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for name, v := range s.voices {
		if err := v.conn.Close(); err != nil {
			errs = append(errs, fmt.Errorf("vrrp: close %s: %w", name, err))
		}
	}
	clear(s.voices)
	return errors.Join(errs...)
}

// innermost returns the system's own words of an error that repeats operation
// and subject.
func innermost(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}
