package lab

import (
	"encoding/binary"
	"fmt"
	"net"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Tap calls see with every frame that passes an interface of the node, in both
// directions, and when the kernel saw it. The frame is see's only while it runs.
// It ends with stop, which waits until see has been called for the last time, or
// with the lab.
func (n *Node) Tap(link string, see func(at time.Time, frame []byte)) (stop func(), err error) {
	var fd int
	err = n.Do(func() (err error) {
		fd, err = packetSocket(link)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("lab: listen on %s %s: %w", n.Name, link, err)
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		defer unix.Close(fd)
		listen(fd, done, see)
	}()
	var once sync.Once
	stop = func() {
		once.Do(func() { close(done) })
		<-ended
	}
	n.lab.onClose(func() error { stop(); return nil })
	return stop, nil
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
