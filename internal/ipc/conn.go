package ipc

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// maxMessage bounds one message: the configuration of 255 routers on each of a
// dozen interfaces is a tenth of it.
const maxMessage = 16 << 20

// sendTimeout is how long a peer may leave its end unread. Longer than that it
// is as good as dead, and the supervisor treats it so.
const sendTimeout = 2 * time.Second

// Conn is one end of the line, sending Out and receiving In. Send may be called
// from any goroutine, Recv from one.
type Conn[Out, In any] struct {
	c    net.Conn
	mu   sync.Mutex // orders writers
	head [4]byte    // of the reader
	oob  []byte     // likewise
}

// EngineEnd is the engine's end of the line.
type EngineEnd = Conn[ToDirector, ToEngine]

// DirectorEnd is the director's end of the line.
type DirectorEnd = Conn[ToEngine, ToDirector]

// Pair makes the line: the engine's end, and the file to hand to the child.
func Pair() (*EngineEnd, *os.File, error) { return pair[ToDirector, ToEngine]() }

func pair[Out, In any]() (*Conn[Out, In], *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("ipc: socketpair: %w", err)
	}
	mine := os.NewFile(uintptr(fds[0]), "engine end")
	theirs := os.NewFile(uintptr(fds[1]), "far end")
	end, err := open[Out, In](mine)
	if err != nil {
		theirs.Close()
		return nil, nil, err
	}
	return end, theirs, nil
}

// OpenDirector takes the director's end from an inherited descriptor.
func OpenDirector(fd uintptr) (*DirectorEnd, error) {
	return take[ToEngine, ToDirector](fd, "director end")
}

func take[Out, In any](fd uintptr, name string) (*Conn[Out, In], error) {
	unix.CloseOnExec(int(fd))
	return open[Out, In](os.NewFile(fd, name))
}

// open duplicates the descriptor into a net.Conn, which has deadlines, and
// closes the file.
func open[Out, In any](f *os.File) (*Conn[Out, In], error) {
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("ipc: open %s: %w", f.Name(), err)
	}
	return &Conn[Out, In]{c: c}, nil
}

// NewConn wraps a connection, for tests.
func NewConn[Out, In any](c net.Conn) *Conn[Out, In] { return &Conn[Out, In]{c: c} }

// Send writes one message. An error ends the line: the other side has gone, or
// has not read for two seconds.
func (c *Conn[Out, In]) Send(m Out) error {
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("ipc: encode: %w", err)
	}
	if len(body) > maxMessage {
		return fmt.Errorf("ipc: message of %d bytes, at most %d", len(body), maxMessage)
	}
	frame := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(body)), uint32(len(body)))
	frame = append(frame, body...)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.c.SetWriteDeadline(time.Now().Add(sendTimeout)); err != nil {
		return fmt.Errorf("ipc: send: %w", err)
	}
	if err := c.write(frame, &m); err != nil {
		c.c.Close() // half a frame may be out: nothing after it could be read
		return fmt.Errorf("ipc: send: %w", err)
	}
	return nil
}

// Recv waits for one message; io.EOF says that the other process has gone. The files
// that come with it are the caller's to close; a message that takes none has none.
func (c *Conn[Out, In]) Recv() (In, error) {
	var m In
	files, err := c.readHead()
	if err != nil {
		return m, err
	}
	if m, err = c.readBody(); err != nil {
		closeAll(files)
		return m, err
	}
	if with, ok := any(&m).(carrier); ok {
		*with.carried() = files
	} else {
		closeAll(files)
	}
	return m, nil
}

func (c *Conn[Out, In]) readBody() (In, error) {
	var m In
	n := binary.BigEndian.Uint32(c.head[:])
	if n > maxMessage {
		return m, fmt.Errorf("ipc: message of %d bytes, at most %d", n, maxMessage)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(c.c, body); err != nil {
		return m, err
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return m, fmt.Errorf("ipc: decode: %w", err)
	}
	return m, nil
}

// Close ends the line; a Recv in progress returns.
func (c *Conn[Out, In]) Close() error { return c.c.Close() }
