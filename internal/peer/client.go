package peer

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"failover/internal/api"
)

// dialTimeout bounds connecting by one address, handshake included.
const dialTimeout = 2 * time.Second

// client asks one other director.
type client struct {
	other Director
	port  uint16
	tls   *tls.Config
	http  http.Client
}

func newClient(other Director, port uint16, own tls.Certificate) *client {
	c := &client{other: other, port: port}
	c.tls = settings(own, func(key ed25519.PublicKey) error {
		if !other.Key.Equal(key) {
			return fmt.Errorf("who answers is not %s: %w", other.Name, errStranger)
		}
		return nil
	})
	c.http.Transport = &http.Transport{
		DialTLSContext: c.dial, MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute,
		MaxResponseHeaderBytes: maxHeader, DisableCompression: true,
	}
	return c
}

// dial connects by the first of the director's addresses that answers.
func (c *client) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	var errs []error
	for _, a := range c.other.Addresses {
		conn, err := c.dialOne(ctx, netip.AddrPortFrom(a, c.port))
		if err == nil {
			return conn, nil
		}
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, errors.Join(errs...)
}

func (c *client) dialOne(ctx context.Context, at netip.AddrPort) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", at.String())
	if err != nil {
		return nil, err
	}
	t := tls.Client(conn, c.tls)
	if err := t.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("%s: %w", at, err)
	}
	return t, nil
}

// ask makes one request and reads at most limit bytes of the answer into v.
func (c *client) ask(ctx context.Context, method, path string, said, v any, limit int64) error {
	resp, err := c.open(ctx, method, path, said)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	switch {
	case err != nil:
		return fmt.Errorf("read the answer: %w", err)
	case int64(len(text)) > limit:
		return fmt.Errorf("its answer is larger than %d bytes", limit)
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("its answer is not understood: %w", err)
	}
	return nil
}

// maxRefusal bounds what is read of a refusal: the errors of a large file.
const maxRefusal = 1 << 20

// open makes one request; who calls it closes the answer's body. A refusal is an
// error.
func (c *client) open(ctx context.Context, method, path string, said any) (*http.Response, error) {
	var body io.Reader
	if said != nil {
		b, err := json.Marshal(said)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, "https://"+nominalHost+path, body)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, plainError(err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	told := &api.Error{}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxRefusal))
	if err != nil || json.Unmarshal(text, told) != nil || told.Message == "" {
		return nil, fmt.Errorf("it answered %s", resp.Status)
	}
	return nil, told
}

// nominalHost stands where a web server would have its name.
const nominalHost = "failover"

// plainError takes the method and the address away that package http writes before
// an error: the address is made up.
func plainError(err error) error {
	var of *url.Error
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}
