//go:build linux

package ipvs

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

const (
	// receiveLimit ends the waiting for an answer on our own socket.
	receiveLimit = 10 * time.Second
	// receiveSize is the room for what one receive brings: the kernel puts at most 32
	// KiB of a dump into one (net/netlink/af_netlink.c, netlink_recvmsg).
	receiveSize = 64 << 10
)

// socket speaks generic netlink. A table takes thousands of messages, and the library
// clears and copies 64 KiB for each; here they are read where they arrive.
type socket struct {
	file   *os.File
	raw    syscall.RawConn
	port   uint32 // our own address
	seq    uint32 // of the request made last
	buffer []byte
}

// openSocket opens one in the namespace at; none: in the calling thread's.
func openSocket(at netns.NsHandle) (*socket, error) {
	opened, err := nl.GetNetlinkSocketAt(at, netns.None(), unix.NETLINK_GENERIC)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	port, err := opened.GetPid()
	if err != nil {
		return nil, err
	}
	fd, err := unix.FcntlInt(uintptr(opened.GetFd()), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, errors.Join(os.NewSyscallError("fcntl", err), unix.Close(fd))
	}
	s := &socket{file: os.NewFile(uintptr(fd), "generic netlink"), port: port, buffer: make([]byte, receiveSize)}
	if s.raw, err = s.file.SyscallConn(); err != nil {
		return nil, errors.Join(err, s.file.Close())
	}
	return s, nil
}

// close wakes whoever waits for an answer.
func (s *socket) close() { s.file.Close() }

// send gives messages, one or several, to the kernel, which carries them out before
// this returns (netlink_rcv_skb).
func (s *socket) send(messages []byte) error {
	var sent error
	if err := s.raw.Write(func(fd uintptr) bool {
		sent = unix.Sendto(int(fd), messages, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
		return !errors.Is(sent, unix.EAGAIN)
	}); err != nil {
		return err
	}
	return sent
}

// reply is one message of the kernel. What it has is overwritten by what comes next.
type reply struct {
	kind, flags uint16
	seq         uint32
	body        []byte
}

// answers gives what the kernel says to f, until f has had the last of it.
func (s *socket) answers(f func(reply) (last bool)) error {
	if err := s.file.SetReadDeadline(time.Now().Add(receiveLimit)); err != nil {
		return err
	}
	for {
		part, err := s.receive()
		if err != nil {
			return err
		}
		for len(part) > 0 {
			var r reply
			var to uint32
			if r, to, part, err = nextReply(part); err != nil {
				return err
			}
			if to == s.port && f(r) {
				return nil
			}
		}
	}
}

// receive takes in what has come, in one piece.
func (s *socket) receive() ([]byte, error) {
	var n int
	var from unix.Sockaddr
	var got error
	err := s.raw.Read(func(fd uintptr) bool {
		n, from, got = unix.Recvfrom(int(fd), s.buffer, 0)
		return !errors.Is(got, unix.EAGAIN)
	})
	switch sender, ok := from.(*unix.SockaddrNetlink); {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, fmt.Errorf("no answer in %v", receiveLimit)
	case err != nil:
		return nil, err
	case got != nil:
		return nil, got
	case !ok || sender.Pid != 0:
		return nil, nil // not the kernel's
	}
	return s.buffer[:n], nil
}

// nextReply cuts off the first message. to is whom it is for.
func nextReply(b []byte) (r reply, to uint32, rest []byte, err error) {
	if len(b) < unix.NLMSG_HDRLEN {
		return r, 0, nil, fmt.Errorf("message of %d bytes", len(b))
	}
	native := nl.NativeEndian()
	length := int(native.Uint32(b))
	if length < unix.NLMSG_HDRLEN || length > len(b) {
		return r, 0, nil, fmt.Errorf("message of %d bytes in %d", length, len(b))
	}
	r = reply{kind: native.Uint16(b[4:]), flags: native.Uint16(b[6:]), seq: native.Uint32(b[8:]), body: b[unix.NLMSG_HDRLEN:length]}
	return r, native.Uint32(b[12:]), b[min(aligned(length), len(b)):], nil
}

// ends tells whether the message is the end of what is said to a request, and of what
// error it tells.
func (r reply) ends() (end bool, err error) {
	switch r.kind {
	case unix.NLMSG_DONE, unix.NLMSG_ERROR:
		if len(r.body) >= 4 {
			if number := int32(nl.NativeEndian().Uint32(r.body)); number != 0 {
				return true, syscall.Errno(-number)
			}
		}
		return true, nil
	}
	return false, nil
}

// aligned is a length with its padding: netlink aligns messages and attributes alike.
func aligned(length int) int { return (length + unix.NLA_ALIGNTO - 1) &^ (unix.NLA_ALIGNTO - 1) }
