package lab

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// talk is what is said on a held connection.
type talk interface {
	// greet asks for the name of the server.
	greet() (string, error)
	// exchange says something and hears the answer.
	exchange(n int) error
}

func (h *Held) talk(c net.Conn) talk {
	r := bufio.NewReader(c)
	if h.spec.HTTP {
		return asked{c, r, h.spec.Address}
	}
	return echoed{c, r, h.spec.Address}
}

// echoed is the talk with a [Web]: a byte is sent, and comes back.
type echoed struct {
	c    net.Conn
	r    *bufio.Reader
	host string
}

func (e echoed) greet() (string, error) {
	if _, err := fmt.Fprintf(e.c, "GET /echo HTTP/1.1\r\nHost: %s\r\n\r\n", e.host); err != nil {
		return "", err
	}
	line, err := e.r.ReadString('\n')
	return strings.TrimSpace(line), err
}

func (e echoed) exchange(n int) error {
	sent := byte('a' + n%26)
	if _, err := e.c.Write([]byte{sent}); err != nil {
		return err
	}
	got, err := e.r.ReadByte()
	if err == nil && got != sent {
		err = fmt.Errorf("sent %q, got %q", sent, got)
	}
	return err
}

// asked is the talk with any web server: one request after the other.
type asked struct {
	c    net.Conn
	r    *bufio.Reader
	host string
}

func (q asked) greet() (string, error) {
	if _, err := fmt.Fprintf(q.c, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", q.host); err != nil {
		return "", err
	}
	resp, err := http.ReadResponse(q.r, nil)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = errors.New(resp.Status)
	}
	return strings.TrimSpace(string(body)), err
}

func (q asked) exchange(int) error {
	_, err := q.greet()
	return err
}
