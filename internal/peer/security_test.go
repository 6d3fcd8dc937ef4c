package peer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const (
	// flood is how many connections a stranger opens and leaves half-open.
	flood = 10_000
	// patience is how soon a director under attack answers its partner.
	patience = time.Second
	// gigabyte is what nobody has to say.
	gigabyte = 1 << 30
	// buffered bounds what the two ends' sockets hold of what nobody reads: it is sent,
	// and accepted by nobody.
	buffered = 16 << 20
)

// clientHello is the beginning of one, whose rest never comes.
var clientHello = []byte{0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03}

// TestFlood: ten thousand connections that begin a handshake and say no more cost a
// director no more than its bounds, and its partner is answered within a second
// throughout, on a connection that it has and on a new one.
func TestFlood(t *testing.T) {
	a, b := pair(t)
	a.run(t)
	b.run(t)
	eventually(t, "lb1 reaches lb2", func() bool { return a.reaches("lb2") })
	runtime.GC()
	before, threads := heap(), runtime.NumGoroutine()
	partner := askThroughout(t, a, b)
	// Of those that are open at once each takes a descriptor; the oldest make room
	// where there are not enough.
	atOnce := min(flood, descriptors(t)-1000)
	open := make([]net.Conn, 0, flood)
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	var most int
	var peak uint64
	for i := range flood {
		c, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+i%200))}, Timeout: 10 * time.Second}).Dial("tcp", b.at())
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		_, _ = c.Write(clientHello) // it may have been turned away by now
		open = append(open, c)
		if i >= atOnce {
			open[i-atOnce].Close()
		}
		if i%500 == 0 {
			most, peak = max(most, runtime.NumGoroutine()), max(peak, heap())
		}
	}
	most = max(most, runtime.NumGoroutine())
	asked, slowest := partner()
	t.Logf("%d connections: %d goroutines more, %d KB more, %d answers to the partner, the slowest after %v",
		flood, most-threads, (max(peak, before)-before)>>10, asked, slowest)
	// A handshake that waits has its goroutine and one for its time limit; the partner's
	// own connections have theirs.
	if limit := 3*(maxStrangers+maxFellows) + 50; most-threads > limit {
		t.Errorf("%d goroutines more, want at most %d", most-threads, limit)
	}
	// The ends of the connections that this test holds are part of it.
	if limit := uint64(64 << 20); peak > before+limit {
		t.Errorf("%d bytes more on the heap, want at most %d", peak-before, limit)
	}
	if slowest > patience {
		t.Errorf("the partner waited %v for an answer, want at most %v", slowest, patience)
	}
	if refused := b.Refused()[refusedBusy]; refused < flood/2 {
		t.Errorf("%d are counted as turned away for want of room", refused)
	}
	if v := a.Views()["lb2"]; !v.Reachable {
		t.Errorf("lb1 lost lb2: %s", v.Cause)
	}
}

// askThroughout has a ask b until the function that it returns is called, which tells
// how often it was answered and how long the slowest answer took.
func askThroughout(t *testing.T, a, b *end) func() (asked int, slowest time.Duration) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	var asked int
	var slowest time.Duration
	ask := func(c *client) {
		var beat Beat
		begin := time.Now()
		limited, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		err := c.ask(limited, http.MethodGet, pathBeat, nil, &beat, maxBeat)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			t.Errorf("the partner got no answer after %v: %v", time.Since(begin), err)
		}
		asked++
		slowest = max(slowest, time.Since(begin))
	}
	all.Go(func() {
		for ctx.Err() == nil {
			ask(a.clients["lb2"])
			fresh := newClient(b.cfg.Self, b.cfg.Port, a.own)
			ask(fresh)
			fresh.http.CloseIdleConnections()
		}
	})
	return func() (int, time.Duration) {
		cancel()
		all.Wait()
		if asked < 4 {
			t.Errorf("asked %d times only", asked)
		}
		return asked, slowest
	}
}

// heap is what lives on the heap and on stacks.
func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

// descriptors is how many files this process may have open.
func descriptors(t *testing.T) int {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	return int(min(limit.Cur, 1<<20))
}

// counted is a message of a gigabyte, which counts what of it is taken.
type counted struct {
	begin string
	taken atomic.Int64
}

func (c *counted) Read(b []byte) (int, error) {
	at := c.taken.Load()
	if at >= gigabyte {
		return 0, io.EOF
	}
	n := int(min(int64(len(b)), gigabyte-at))
	for i := range b[:n] {
		b[i] = 'x'
		if at+int64(i) < int64(len(c.begin)) {
			b[i] = c.begin[at+int64(i)]
		}
	}
	c.taken.Add(int64(n))
	return n, nil
}

// TestGigabyteOfAStranger: what comes before the proof is cut off at the first record
// that no handshake has.
func TestGigabyteOfAStranger(t *testing.T) {
	_, b := pair(t)
	b.run(t)
	for name, begin := range map[string]string{
		"garbage":               "GET / HTTP/1.1\r\n",
		"a handshake of 16 MB":  "\x16\x03\x01\x40\x00\x01\xff\xff\xff",
		"a record of 64 KB":     "\x16\x03\x01\xff\xff",
		"records without a use": "\x17\x03\x03\x00\x01x",
	} {
		t.Run(name, func(t *testing.T) {
			var c net.Conn
			eventually(t, "it listens", func() (ok bool) {
				var err error
				c, err = net.Dial("tcp", b.at())
				return err == nil
			})
			defer c.Close()
			before := b.Refused()[refusedHandshake]
			said := &counted{begin: begin}
			if _, err := io.Copy(struct{ io.Writer }{c}, said); err == nil {
				t.Error("a gigabyte was taken")
			}
			if n := said.taken.Load(); n > buffered {
				t.Errorf("%d bytes were sent before it was cut off", n)
			}
			eventually(t, "it is counted", func() bool { return b.Refused()[refusedHandshake] > before })
		})
	}
}

// TestGigabyteOfADirector: one that proves who it is, and then sends a gigabyte, is
// refused: at once where it says how much there is, else at the bound of a message.
func TestGigabyteOfADirector(t *testing.T) {
	a, b := pair(t)
	a.run(t)
	b.run(t)
	eventually(t, "lb1 reaches lb2", func() bool { return a.reaches("lb2") })
	for _, c := range []struct {
		name, begin string
		length      int64
		limit       int64
	}{
		{"its length is told", `{"overrides":[{"virtual_server":"`, gigabyte, buffered},
		{"its length is not told", `{"overrides":[{"virtual_server":"`, -1, maxBody + buffered},
		{"no JSON", "no JSON at all: ", -1, buffered},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := b.Refused()[refusedRequest]
			said := &counted{begin: c.begin}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://x"+pathWords, said)
			if err != nil {
				t.Fatal(err)
			}
			req.ContentLength = c.length
			resp, err := a.clients["lb2"].http.Do(req)
			switch {
			case err == nil && resp.StatusCode != http.StatusBadRequest && resp.StatusCode != http.StatusRequestEntityTooLarge:
				t.Errorf("answered %s", resp.Status)
			case err == nil:
				resp.Body.Close()
			case !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET):
				t.Errorf("neither refused nor cut off: %v", err)
			}
			if n := said.taken.Load(); n > c.limit {
				t.Errorf("%d bytes were taken, want at most %d", n, c.limit)
			}
			if now := b.Refused()[refusedRequest]; now <= before {
				t.Error("it is not counted")
			}
			b.fake.mu.Lock()
			defer b.fake.mu.Unlock()
			if len(b.fake.told) > 0 {
				t.Error("some of it is taken for the operator's word")
			}
		})
	}
	// It is a director all the same: what it says next is heard.
	if _, err := a.Director(t.Context(), "lb2"); err != nil {
		t.Error(fmt.Errorf("after all that: %w", err))
	}
}
