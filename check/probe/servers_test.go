package probe

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// serve runs a server on loopback that treats every connection alike, until the
// test ends.
func serve(t *testing.T, treat func(net.Conn)) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return serveOn(l, treat)
}

func serveOn(l net.Listener, treat func(net.Conn)) netip.AddrPort {
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				treat(c)
			}()
		}
	}()
	return netip.MustParseAddrPort(l.Addr().String())
}

// says answers a request with a fixed text.
func says(text string) func(net.Conn) {
	return func(c net.Conn) {
		readRequest(c)
		_, _ = io.WriteString(c, text)
	}
}

// answers is a whole HTTP answer.
func answers(status, body string) func(net.Conn) {
	return says("HTTP/1.1 " + status + "\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n" + body)
}

func readRequest(c net.Conn) string {
	var request []byte
	buf := make([]byte, 4096)
	for !strings.Contains(string(request), "\r\n\r\n") {
		n, err := c.Read(buf)
		if err != nil {
			break
		}
		request = append(request, buf[:n]...)
	}
	return string(request)
}

// mute reads until the other side has gone.
func mute(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// drips sends one byte at a time, for ever.
func drips(c net.Conn) {
	text := "HTTP/1.1 200 OK\r\nX-Slow: "
	for i := 0; ; i++ {
		b := byte('x')
		if i < len(text) {
			b = text[i]
		}
		if _, err := c.Write([]byte{b}); err != nil {
			return
		}
		time.Sleep(5 * time.Millisecond) // the pace of the server under test
	}
}

// floods sends headers without end.
func floods(c net.Conn) {
	_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n")
	line := strings.Repeat("X-Flood: "+strings.Repeat("x", 100)+"\r\n", 100)
	for {
		if _, err := io.WriteString(c, line); err != nil {
			return
		}
	}
}

// hangsUp accepts and closes without a word.
func hangsUp(net.Conn) {}

// refusing is an address where nobody listens: the port is bound, so that nobody
// else can.
func refusing(t *testing.T) netip.AddrPort {
	t.Helper()
	return bound(t, false)
}

// silent is an address that does not answer a connection: its accept queue is
// full, and the kernel drops what comes then.
func silent(t *testing.T) netip.AddrPort {
	t.Helper()
	target := bound(t, true)
	for range 4 {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fd) })
		err = unix.Connect(fd, &unix.SockaddrInet4{Port: int(target.Port()), Addr: target.Addr().As4()})
		if err != nil && err != unix.EINPROGRESS {
			t.Fatal(err)
		}
	}
	return target
}

// bound binds a port of loopback and, if asked, listens with no room to wait.
func bound(t *testing.T, listen bool) netip.AddrPort {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if listen {
		if err := unix.Listen(fd, 0); err != nil {
			t.Fatal(err)
		}
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	port := name.(*unix.SockaddrInet4).Port
	return netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(port))
}

// authority signs server certificates; file holds its own.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{file: filepath.Join(t.TempDir(), "ca.pem")}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	var err error
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(a.file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return a
}

// serve runs a TLS server with a certificate for a name.
func (a *authority) serve(t *testing.T, name string, treat func(net.Conn)) netip.AddrPort {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	if ip := net.ParseIP(name); ip != nil {
		template.DNSNames, template.IPAddresses = nil, []net.IP{ip}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return serveOn(l, treat)
}
