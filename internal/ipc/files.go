package ipc

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// maxFiles is how many descriptors go with one message: the kernel takes 253
// (SCM_MAX_FD), and nobody listens at a tenth of that.
const maxFiles = 128

// carrier is a message that descriptors go with.
type carrier interface{ carried() *[]*os.File }

// write sends a frame, with the files of its message where it has any. They stay the
// caller's.
func (c *Conn[Out, In]) write(frame []byte, m any) error {
	with, ok := m.(carrier)
	if !ok || len(*with.carried()) == 0 {
		_, err := c.c.Write(frame)
		return err
	}
	u, ok := c.c.(*net.UnixConn)
	files := *with.carried()
	if !ok || len(files) > maxFiles {
		return fmt.Errorf("ipc: %d descriptors cannot go this way", len(files))
	}
	fds := make([]int, len(files))
	for i, f := range files {
		// os.File.Fd would make a socket a blocking one, for every process that has it.
		raw, err := f.SyscallConn()
		if err == nil {
			err = raw.Control(func(fd uintptr) { fds[i] = int(fd) })
		}
		if err != nil {
			return fmt.Errorf("ipc: descriptor of %s: %w", f.Name(), err)
		}
	}
	// They go with the first byte; the rest of a long frame may need more writes.
	n, _, err := u.WriteMsgUnix(frame, unix.UnixRights(fds...), nil)
	if err == nil && n < len(frame) {
		_, err = u.Write(frame[n:])
	}
	return err
}

// readHead reads the head of a frame and the descriptors that go with it.
func (c *Conn[Out, In]) readHead() (files []*os.File, err error) {
	u, ok := c.c.(*net.UnixConn)
	if !ok {
		_, err = io.ReadFull(c.c, c.head[:])
		return nil, err
	}
	if c.oob == nil {
		c.oob = make([]byte, unix.CmsgSpace(4*maxFiles))
	}
	for got := 0; got < len(c.head); {
		n, oobn, _, _, err := u.ReadMsgUnix(c.head[got:], c.oob)
		if oobn > 0 {
			more, bad := descriptors(c.oob[:oobn])
			files, err = append(files, more...), errors.Join(err, bad)
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF) && got == 0:
			return nil, io.EOF
		default:
			closeAll(files)
			return nil, err
		}
		got += n
	}
	return files, nil
}

// descriptors are those of a control message; closed on exec, as the runtime asks
// for.
func descriptors(oob []byte) (files []*os.File, err error) {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, fmt.Errorf("ipc: control message: %w", err)
	}
	for i := range messages {
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			return files, fmt.Errorf("ipc: control message: %w", err)
		}
		for _, fd := range fds {
			files = append(files, os.NewFile(uintptr(fd), "handed over"))
		}
	}
	return files, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}
