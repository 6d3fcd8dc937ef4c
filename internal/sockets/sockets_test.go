package sockets

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func open(t *testing.T, s *Set, name, network, address string) net.Listener {
	t.Helper()
	l, err := s.Listen(name, func() (net.Listener, error) { return net.Listen(network, address) })
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// What was listened on is listened on by the next process, in which nobody opens it
// anew; who has connected in between is served by it.
func TestInherited(t *testing.T) {
	before, err := Inherit(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "s")
	unix := open(t, before, "control", "unix", path).(*net.UnixListener)
	unix.SetUnlinkOnClose(false)
	tcp := open(t, before, "http", "tcp", "127.0.0.1:0")
	gone := open(t, before, "gone", "tcp", "127.0.0.1:0")
	gone.Close()
	names, files := before.Files()
	if !slices.Equal(names, []string{"control", "http"}) {
		t.Fatalf("left are %q", names)
	}
	before.Close()
	c, err := net.Dial("tcp", tcp.Addr().String())
	if err != nil {
		t.Fatalf("between two processes: %v", err)
	}
	defer c.Close()

	after, err := Inherit(names, files)
	if err != nil {
		t.Fatal(err)
	}
	never := func() (net.Listener, error) { t.Error("opened anew"); return nil, os.ErrInvalid }
	l, err := after.Listen("http", never)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if served, err := l.Accept(); err != nil || served.RemoteAddr().String() != c.LocalAddr().String() {
		t.Errorf("the connection of before: %v, %v", served, err)
	}
	if err := after.CloseRest(); err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("unix", path); err == nil {
		t.Error("a socket that nobody wants is still listened on")
	}
}

func TestNothingInherited(t *testing.T) {
	if _, err := Inherit([]string{"control"}, nil); err == nil {
		t.Error("a name without a socket is no error")
	}
	var none *Set
	l := open(t, none, "control", "tcp", "127.0.0.1:0")
	defer l.Close()
	none.Close()
	if names, files := none.Files(); len(names)+len(files) > 0 {
		t.Errorf("left are %q", names)
	}
	if err := none.CloseRest(); err != nil {
		t.Error(err)
	}
	s, _ := Inherit([]string{"http"}, []*os.File{notASocket(t)})
	if l := open(t, s, "http", "tcp", "127.0.0.1:0"); l.Close() != nil {
		t.Error("what is no socket keeps another one from being opened")
	}
}

func notASocket(t *testing.T) *os.File {
	t.Helper()
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
