package web

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"
)

// running is a Server that ends with the test.
func running(t *testing.T, h http.Handler) *Server {
	t.Helper()
	s := New(h, slog.New(slog.DiscardHandler))
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		<-done
	})
	return s
}

// free is an address that nobody listens at. Somebody else could take it before
// we do; the ports that the kernel gives out go round, so nobody will.
func free(t *testing.T, ip string) netip.AddrPort {
	t.Helper()
	l, a := taken(t, ip)
	l.Close()
	return a
}

// taken is an address that somebody listens at.
func taken(t *testing.T, ip string) (net.Listener, netip.AddrPort) {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(ip, "0"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l, l.Addr().(*net.TCPAddr).AddrPort()
}

// get asks for a path on a connection of its own and gives the first line of the
// answer.
func get(t *testing.T, a netip.AddrPort, path string) (string, error) {
	t.Helper()
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := client.Get(fmt.Sprintf("http://%s%s", a, path))
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	return strings.TrimSpace(string(body)), err
}

func serves(t *testing.T, a netip.AddrPort) {
	t.Helper()
	if got, err := get(t, a, "/healthz"); err != nil || got != "ok" {
		t.Errorf("%s answers %q, %v", a, got, err)
	}
}

func refuses(t *testing.T, a netip.AddrPort) {
	t.Helper()
	if _, err := get(t, a, "/healthz"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("%s: %v, want connection refused", a, err)
	}
}

func TestServes(t *testing.T) {
	for _, ip := range []string{"127.0.0.1", "::1"} {
		if l, err := net.Listen("tcp", net.JoinHostPort(ip, "0")); err != nil {
			t.Logf("this machine has no %s", ip)
			continue
		} else {
			l.Close()
		}
		s, a := running(t, Handler(&fake{})), free(t, ip)
		s.Set(a)
		if err := s.Problem(); err != nil {
			t.Fatal(err)
		}
		serves(t, a)
		s.Set(netip.AddrPort{})
		if err := s.Problem(); err != nil {
			t.Error(err)
		}
		s.mu.Lock()
		at := s.now
		s.mu.Unlock()
		if at != nil {
			t.Errorf("turned off, but at %s", at.address)
		}
	}
}

// TestNowhere: without an address nothing is opened, and nothing is wrong.
func TestNowhere(t *testing.T) {
	s := running(t, Handler(&fake{}))
	s.Set(netip.AddrPort{})
	if s.Problem() != nil || s.now != nil {
		t.Errorf("at %v, problem %v", s.now, s.Problem())
	}
}

// TestTakenPort: a port of somebody else's is a problem in words, and no more
// once it is free.
func TestTakenPort(t *testing.T) {
	s := running(t, Handler(&fake{}))
	l, a := taken(t, "127.0.0.1")
	s.Set(a)
	want := fmt.Sprintf("web: listen on %s: address already in use", a)
	if err := s.Problem(); err == nil || err.Error() != want {
		t.Fatalf("problem %v, want %s", err, want)
	}
	s.retry()
	if s.Problem() == nil {
		t.Fatal("no problem although the port is still taken")
	}
	l.Close()
	s.retry()
	if err := s.Problem(); err != nil {
		t.Fatal(err)
	}
	serves(t, a)
}

func TestMoves(t *testing.T) {
	s := running(t, Handler(&fake{}))
	first, second := free(t, "127.0.0.1"), free(t, "127.0.0.1")
	s.Set(first)
	old := s.now
	s.Set(first)
	if s.now != old {
		t.Error("the same address made a new listener")
	}
	s.Set(second)
	serves(t, second)
	until(t, "the old address is closed", func() bool { return gone(first) })

	// Where the new one cannot be had the old one serves on.
	_, foreign := taken(t, "127.0.0.1")
	s.Set(foreign)
	if s.Problem() == nil {
		t.Error("no problem with a port that is taken")
	}
	serves(t, second)
	s.Set(second)
	if err := s.Problem(); err != nil {
		t.Errorf("back at the old address: %v", err)
	}
}

// TestMovesInPlace goes between an address and all of them at one port: there
// the old listener is in the way of the new one.
func TestMovesInPlace(t *testing.T) {
	s := running(t, Handler(&fake{}))
	one := free(t, "127.0.0.1")
	all := netip.AddrPortFrom(netip.IPv4Unspecified(), one.Port())
	for _, a := range []netip.AddrPort{one, all, one} {
		s.Set(a)
		if err := s.Problem(); err != nil {
			t.Fatal(err)
		}
		serves(t, one)
	}
	// Somebody else has the port on another address: all of them cannot be had, and
	// the one that we had is taken up again.
	l, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.2:%d", one.Port()))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s.Set(all)
	if s.Problem() == nil {
		t.Error("no problem, though somebody is in the way")
	}
	serves(t, one)
}

// TestMoveFinishesRequests: who was being answered at the old address gets the
// whole answer.
func TestMoveFinishesRequests(t *testing.T) {
	f := &fake{enter: make(chan struct{}), leave: make(chan struct{})}
	s := running(t, Handler(f))
	first := free(t, "127.0.0.1")
	s.Set(first)
	answer := make(chan string, 1)
	go func() {
		got, err := get(t, first, "/metrics")
		answer <- fmt.Sprint(strings.Contains(got, "failover_build_info"), err)
	}()
	<-f.enter
	s.Set(free(t, "127.0.0.1"))
	close(f.leave)
	if got := <-answer; got != "true <nil>" {
		t.Errorf("the request in progress got %s", got)
	}
}

// TestListenerLost: a listener that fails under the server is a problem until it
// is replaced.
func TestListenerLost(t *testing.T) {
	s := running(t, Handler(&fake{}))
	a := free(t, "127.0.0.1")
	s.Set(a)
	s.lost(s.now, errors.New("accept: too strange"))
	if err := s.Problem(); err == nil || !strings.Contains(err.Error(), "too strange") {
		t.Fatalf("problem %v", err)
	}
	s.retry()
	if err := s.Problem(); err != nil {
		t.Fatal(err)
	}
	serves(t, a)
}

// TestEnds: when Run has returned, nothing listens, and no Set changes that.
func TestEnds(t *testing.T) {
	s := New(Handler(&fake{}), slog.New(slog.DiscardHandler))
	a := free(t, "127.0.0.1")
	s.Set(a)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	s.Run(ctx)
	refuses(t, a)
	s.Set(free(t, "127.0.0.1"))
	refuses(t, a)
}

// TestLimits: large headers are refused.
func TestLimits(t *testing.T) {
	s := running(t, Handler(&fake{}))
	a := free(t, "127.0.0.1")
	s.Set(a)
	c, err := net.Dial("tcp", a.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	fmt.Fprintf(c, "GET /healthz HTTP/1.1\r\nHost: x\r\nX: %s\r\n\r\n", strings.Repeat("x", 64<<10))
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil || !strings.Contains(line, "431") {
		t.Errorf("64 KiB of header: %q, %v", line, err)
	}
}

// TestManyConnections: beyond so many connections the next one waits for room.
func TestManyConnections(t *testing.T) {
	s := running(t, Handler(&fake{}))
	a := free(t, "127.0.0.1")
	s.Set(a)
	var idle []net.Conn
	for range connections {
		c, err := net.Dial("tcp", a.String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		idle = append(idle, c)
	}
	waiting := make(chan error, 1)
	go func() {
		got, err := get(t, a, "/healthz")
		if got != "ok" {
			err = fmt.Errorf("answered %q: %w", got, err)
		}
		waiting <- err
	}()
	idle[0].Close() // makes room for one
	if err := <-waiting; err != nil {
		t.Error(err)
	}
}

func gone(a netip.AddrPort) bool {
	c, err := net.Dial("tcp", a.String())
	if err == nil {
		c.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !so(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in 5 s: %s", what)
		}
	}
}
