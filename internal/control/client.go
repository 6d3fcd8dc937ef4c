package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"syscall"
	"time"

	"failover/internal/api"
)

// ErrNoDaemon says that nothing answers at the socket.
var ErrNoDaemon = errors.New("no daemon answers")

// maxAnswer bounds what a client reads: the status of 1 000 × 10 servers is 4 MB.
const maxAnswer = 256 << 20

// Client asks the daemon behind one socket.
type Client struct {
	path string
	http http.Client
}

// NewClient makes a client; the socket is opened at each request.
func NewClient(path string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}
	return &Client{path: path, http: http.Client{
		Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true},
		Timeout:   requestTimeout + time.Second,
	}}
}

// Status asks for the status of the pair.
func (c *Client) Status(ctx context.Context) (api.Status, error) {
	return call[api.Status](ctx, c, http.MethodGet, "/v1/status", nil)
}

// Plan asks what a reload would change.
func (c *Client) Plan(ctx context.Context) (api.Plan, error) {
	return call[api.Plan](ctx, c, http.MethodGet, "/v1/plan", nil)
}

// Reload asks the daemon to read its file again.
func (c *Client) Reload(ctx context.Context) (api.Reload, error) {
	return call[api.Reload](ctx, c, http.MethodPost, "/v1/reload", nil)
}

// ReloadPair asks every director to read its file again, or none.
func (c *Client) ReloadPair(ctx context.Context, p api.PairReload) (api.PairReloaded, error) {
	return call[api.PairReloaded](ctx, c, http.MethodPost, "/v1/reload/pair", p)
}

// Operate tells the daemon what the operator wants of a real server.
func (c *Client) Operate(ctx context.Context, o api.Operator) (api.Operated, error) {
	return call[api.Operated](ctx, c, http.MethodPost, "/v1/operator", o)
}

// Maintain begins or ends the director's maintenance.
func (c *Client) Maintain(ctx context.Context, m api.Maintenance) (api.Maintained, error) {
	return call[api.Maintained](ctx, c, http.MethodPost, "/v1/maintenance", m)
}

// Switchover tells the director whom the operator wants as master.
func (c *Client) Switchover(ctx context.Context, s api.Switchover) (api.Switched, error) {
	return call[api.Switched](ctx, c, http.MethodPost, "/v1/switchover", s)
}

// Restart has the installed program go on in the place of the daemon.
func (c *Client) Restart(ctx context.Context) (api.Restarted, error) {
	return call[api.Restarted](ctx, c, http.MethodPost, "/v1/restart", nil)
}

// call makes one request; what is said is nil or what goes into its body.
func call[T any](ctx context.Context, c *Client, method, path string, said any) (T, error) {
	var v T
	var body io.Reader
	if said != nil {
		b, err := json.Marshal(said)
		if err != nil {
			return v, err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://failover"+path, body)
	if err != nil {
		return v, err
	}
	resp, err := c.http.Do(req)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return v, fmt.Errorf("%w at %s", ErrNoDaemon, c.path)
	case errors.Is(err, fs.ErrPermission):
		return v, &api.Error{
			Message: fmt.Sprintf("no permission to use %s", c.path),
			Hint:    fmt.Sprintf("be root or a member of the group %q", Group),
		}
	case err != nil:
		return v, fmt.Errorf("%w at %s: %w", ErrNoDaemon, c.path, err)
	}
	defer resp.Body.Close()
	dec := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer))
	if resp.StatusCode != http.StatusOK {
		told := &api.Error{}
		if err := dec.Decode(told); err != nil || told.Message == "" {
			return v, fmt.Errorf("the daemon answered %s", resp.Status)
		}
		return v, told
	}
	if err := dec.Decode(&v); err != nil {
		return v, fmt.Errorf("read the daemon's answer: %w", err)
	}
	return v, nil
}
