package lab

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"failover/vrrp/linux"
)

const (
	// probePriority is above what runs on the machine and below the engine of
	// failover, which must not profit from waiting for nobody but the other one.
	probePriority = 10
	// answerPatience is how long after it was sent a datagram may be answered.
	answerPatience = 200 * time.Millisecond
)

// Datagrams is a client that sends numbered UDP datagrams at a fixed rate,
// whatever becomes of them. Its thread sleeps until absolute times and has
// real-time priority where that is permitted.
type Datagrams struct {
	every time.Duration
	fd    int
	to    unix.SockaddrInet4
	stop  func()

	// What the client's thread writes others read without a lock: one that an
	// ordinary thread holds while it waits for a processor would make it late.
	sent     []time.Duration // monotonic; by number
	answered []atomic.Bool
	count    atomic.Int64 // how many were sent
}

// datagramsKept bounds how many datagrams one client sends: half an hour's at one
// every 500 µs.
const datagramsKept = 1 << 22

// Datagrams starts to send from the node to an [Node.Echo] behind address, which
// has a port; every is the time between two. It ends with Stop, or with the lab.
func (n *Node) Datagrams(address string, every time.Duration) (*Datagrams, error) {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, fmt.Errorf("lab: datagrams: %w", err)
	}
	d := &Datagrams{every: every, to: unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}}
	d.sent, d.answered = make([]time.Duration, datagramsKept), make([]atomic.Bool, datagramsKept)
	if d.fd, err = n.datagramSocket(nil); err != nil {
		return nil, err
	}
	d.stop = n.lab.realtime(func(done <-chan struct{}) {
		defer unix.Close(d.fd)
		d.run(done)
	})
	return d, nil
}

// Stop ends the client.
func (d *Datagrams) Stop() { d.stop() }

// run is the client's thread: at each tick it sends one and takes the answers
// that are there. When they came does not matter.
func (d *Datagrams) run(done <-chan struct{}) {
	b := make([]byte, 64)
	next := monotonic()
	for number := range d.sent {
		select {
		case <-done:
			return
		default:
		}
		now := sleepUntil(next)
		if now > next+d.every {
			next = now // what was slept through is not made up for
		}
		next += d.every
		d.sent[number] = now
		d.count.Store(int64(number) + 1)
		binary.BigEndian.PutUint64(b, uint64(number))
		_ = unix.Sendto(d.fd, b[:8], unix.MSG_DONTWAIT, &d.to) // an error is one that is not answered
		d.collect(b)
	}
}

func (d *Datagrams) collect(b []byte) {
	for {
		n, _, err := unix.Recvfrom(d.fd, b, unix.MSG_DONTWAIT)
		if err != nil {
			return
		}
		if number := binary.BigEndian.Uint64(b); n == 8 && number < uint64(d.count.Load()) {
			d.answered[number].Store(true)
		}
	}
}

// Mark is the number of the next datagram.
func (d *Datagrams) Mark() int { return int(d.count.Load()) }

// Flow waits until every datagram of a time of this length, and nothing older than
// the call, has been answered.
func (d *Datagrams) Flow(ctx context.Context, length time.Duration) error {
	from, want := d.Mark(), int(length/d.every)
	return Eventually(ctx, fmt.Sprintf("every datagram of %v is answered", length), func() (bool, error) {
		run := 0
		for i := from; i < d.Mark() && run < want; i++ {
			if run++; !d.answered[i].Load() {
				run = 0
			}
		}
		return run >= want, nil
	})
}

// Outage is what a client lost during an event.
type Outage struct {
	// Gap is the longest time between the sending of one answered datagram and of the
	// next that was answered, with others between them; 0 where none was lost.
	Gap time.Duration
	// Lost datagrams were never answered; Sent is how many there were.
	Lost, Sent int
	// Pause is the longest time between two datagrams: what Gap is measured with.
	Pause time.Duration
}

// Since is what was lost from a mark until now. It waits for late answers.
func (d *Datagrams) Since(mark int) Outage {
	end := d.Mark()
	sleepUntil(monotonic() + answerPatience)
	answered := make([]bool, end-mark)
	for i := range answered {
		answered[i] = d.answered[mark+i].Load()
	}
	return outage(d.sent[mark:end], answered)
}

// outage is what was lost of datagrams sent at these times.
func outage(sent []time.Duration, answered []bool) Outage {
	o := Outage{Sent: len(sent)}
	last := 0 // the first one, or the last that was answered
	for i := range sent {
		if i > 0 {
			o.Pause = max(o.Pause, sent[i]-sent[i-1])
		}
		if !answered[i] {
			o.Lost++
		}
		if !answered[i] && i < len(sent)-1 {
			continue
		}
		if i > last+1 || !answered[i] {
			o.Gap = max(o.Gap, sent[i]-sent[last])
		}
		last = i
	}
	return o
}

// Echo answers every UDP datagram to this port of the node, from the address that
// it was sent to. It ends with the lab.
func (n *Node) Echo(port int) error {
	fd, err := n.datagramSocket(func(fd int) error {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1); err != nil {
			return err
		}
		if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 50000}); err != nil {
			return err
		}
		return unix.Bind(fd, &unix.SockaddrInet4{Port: port})
	})
	if err != nil {
		return err
	}
	n.lab.realtime(func(done <-chan struct{}) {
		defer unix.Close(fd)
		echo(fd, done)
	})
	return nil
}

// The place of the fields of a message of IP_PKTINFO (ip(7)), after its header.
const (
	infoInterface = unix.SizeofCmsghdr
	infoSource    = infoInterface + 4
	infoAsked     = infoSource + 4
	infoEnd       = infoAsked + 4
)

func echo(fd int, done <-chan struct{}) {
	b, control := make([]byte, 64), make([]byte, 64)
	for {
		select {
		case <-done:
			return
		default:
		}
		n, cn, _, from, err := unix.Recvmsg(fd, b, control, 0)
		if err != nil || cn < infoEnd {
			continue // nothing within the timeout
		}
		// The message says where to; sent back, it says where from.
		clear(control[infoInterface:infoSource])
		copy(control[infoSource:infoAsked], control[infoAsked:infoEnd])
		_ = unix.Sendmsg(fd, b[:n], control[:cn], from, unix.MSG_DONTWAIT)
	}
}

func (n *Node) datagramSocket(set func(fd int) error) (fd int, err error) {
	err = n.Do(func() (err error) {
		if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		if set == nil {
			return nil
		}
		if err := set(fd); err != nil {
			_ = unix.Close(fd)
			return err
		}
		return nil
	})
	if err != nil {
		return -1, fmt.Errorf("lab: datagrams of %s: %w", n.Name, err)
	}
	return fd, nil
}

// realtime runs f on a thread of its own, with real-time priority where that is
// permitted, until stop or the end of the lab. The thread ends with f.
func (l *Lab) realtime(f func(done <-chan struct{})) (stop func()) {
	stop = realtime(f)
	l.onClose(func() error { stop(); return nil })
	return stop
}

// realtime is the same for who has no lab; stop may be called more than once.
func realtime(f func(done <-chan struct{})) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread()
		_ = linux.SetRealtime(probePriority)
		f(done)
	}()
	var once sync.Once
	return func() {
		once.Do(func() { close(done) })
		<-ended
	}
}

// monotonic is the time of CLOCK_MONOTONIC.
func monotonic() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic(fmt.Sprintf("lab: read the monotonic clock: %v", err)) // Linux has it
	}
	return time.Duration(ts.Nano())
}

// sleepUntil sleeps until an absolute time and returns the time of waking.
func sleepUntil(at time.Duration) time.Duration {
	ts := unix.NsecToTimespec(at.Nanoseconds())
	for unix.ClockNanosleep(unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, &ts, nil) == unix.EINTR {
	}
	return monotonic()
}
