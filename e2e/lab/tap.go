package lab

import (
	"encoding/binary"
	"fmt"
	"net"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// tapBuffer holds what passes while a busy machine lets nobody read: some
// thousand small frames, seconds of a director's adverts and announcements. The
// kernel's default is 277 of them.
const tapBuffer = 4 << 20

// Tap calls see with every frame that passes an interface of the node, in both
// directions, and when the kernel saw it. The frame is see's only while it runs.
// It ends with stop, which waits until see has been called for the last time, or
// with the lab, whose Close complains where frames were lost for want of a reader:
// they would look like a sender that was silent.
func (n *Node) Tap(link string, see func(at time.Time, frame []byte)) (stop func(), err error) {
	var fd int
	err = n.Do(func() (err error) {
		fd, err = packetSocket(link)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("lab: listen on %s %s: %w", n.Name, link, err)
	}
	var lost error
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		defer unix.Close(fd)
		listen(fd, done, see)
		lost = whole(fd)
	}()
	var once sync.Once
	stop = func() {
		once.Do(func() { close(done) })
		<-ended
	}
	n.lab.onClose(func() error {
		stop()
		if lost != nil {
			return fmt.Errorf("lab: listen on %s %s: %w", n.Name, link, lost)
		}
		return nil
	})
	return stop, nil
}

// whole returns an error where the kernel had no room for a frame.
func whole(fd int) error {
	stats, err := unix.GetsockoptTpacketStats(fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil {
		return fmt.Errorf("count what was lost: %w", err)
	}
	if stats.Drops > 0 {
		return fmt.Errorf("%d of %d frames were lost, nobody read them in time", stats.Drops, stats.Packets)
	}
	return nil
}

// packetSocket opens a socket that sees all frames of an interface, with the
// kernel's time.
func packetSocket(link string) (int, error) {
	ifi, err := net.InterfaceByName(link)
	if err != nil {
		return -1, err
	}
	all := binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, unix.ETH_P_ALL))
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(all))
	if err != nil {
		return -1, err
	}
	for _, set := range []func() error{
		func() error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1) },
		func() error {
			return unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 50000})
		},
		func() error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, tapBuffer) },
		func() error { return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: ifi.Index}) },
	} {
		if err := set(); err != nil {
			_ = unix.Close(fd)
			return -1, err
		}
	}
	return fd, nil
}

func listen(fd int, done chan struct{}, see func(time.Time, []byte)) {
	b, control := make([]byte, 2048), make([]byte, 128)
	for {
		select {
		case <-done:
			return
		default:
		}
		n, cn, _, _, err := unix.Recvmsg(fd, b, control, 0)
		if err != nil {
			continue // nothing within the timeout
		}
		see(stamp(control[:cn]), b[:n])
	}
}

func stamp(control []byte) time.Time {
	all, err := unix.ParseSocketControlMessage(control)
	if err != nil || len(all) == 0 || len(all[0].Data) < 16 {
		return time.Now()
	}
	d := all[0].Data
	return time.Unix(int64(binary.NativeEndian.Uint64(d)), int64(binary.NativeEndian.Uint64(d[8:])))
}
