package probe

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"failover/check"
)

// What is read of an answer at most.
const (
	headLimit = 64 << 10
	bodyLimit = 1 << 20
)

// plain asks by HTTP/1.1 over a connection of its own: no proxy, no keep-alive,
// no redirect is followed. The body is read only when something is to be found
// in it, and only until it is found.
type plain struct{}

// Probe sends one request.
func (plain) Probe(ctx context.Context, s check.Spec) check.Result {
	conn, err := dial(ctx, s)
	if err != nil {
		return broken(ctx, s, err, "connecting")
	}
	defer conn.Close()
	return exchange(ctx, s, conn, "http")
}

// exchange sends the request of a check over conn and judges the answer.
func exchange(ctx context.Context, s check.Spec, conn net.Conn, scheme string) check.Result {
	want := check.HTTPSpec{}
	if s.HTTP != nil {
		want = *s.HTTP
	}
	req, err := request(s, want, scheme)
	if err != nil {
		return failed("path %q: %v", want.Path, err)
	}
	// The end of the context, whatever ended it, ends reads and writes.
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := req.Write(conn); err != nil {
		return broken(ctx, s, err, "sending the request")
	}
	limit := &io.LimitedReader{R: conn, N: headLimit}
	reader := bufio.NewReader(limit)
	resp, err := answer(reader, req) //nolint:bodyclose // closing it would read it to its end; the connection is closed instead
	switch {
	case err != nil && limit.N <= 0:
		return failed("more than %d KiB of headers", headLimit>>10)
	case err != nil:
		return broken(ctx, s, err, "waiting for headers")
	}
	if !accepted(want.Status, resp.StatusCode) {
		return failed("status %d, want %s", resp.StatusCode, ranges(want.Status))
	}
	if want.Body != "" {
		limit.N = bodyLimit
		if found, err := contains(resp.Body, want.Body); err != nil {
			return broken(ctx, s, err, "reading the body")
		} else if !found && limit.N <= 0 {
			return failed("body lacks %q in its first %d KiB", want.Body, bodyLimit>>10)
		} else if !found {
			return failed("body lacks %q", want.Body)
		}
	}
	return passed(resp.Status)
}

// request is what the check asks.
func request(s check.Spec, want check.HTTPSpec, scheme string) (*http.Request, error) {
	path := want.Path
	if path == "" {
		path = "/"
	}
	u, err := url.ParseRequestURI(path)
	if err != nil {
		return nil, err
	}
	u.Scheme, u.Host = scheme, s.Target.String()
	req := &http.Request{
		Method: want.Method, URL: u, Host: want.Host, Close: true,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"User-Agent": {"failover"}},
	}
	for name, value := range want.Headers {
		if strings.EqualFold(name, "Host") {
			if req.Host == "" {
				req.Host = value
			}
			continue
		}
		req.Header.Set(name, value)
	}
	return req, nil
}

// answer reads the head of the response; 1xx responses before it are skipped.
// The limit on bytes bounds their number.
func answer(r *bufio.Reader, req *http.Request) (*http.Response, error) {
	for {
		resp, err := http.ReadResponse(r, req)
		if err != nil || resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols {
			return resp, err
		}
	}
}

// usual is what is accepted where the check names no status.
var usual = []check.StatusRange{{From: 200, To: 299}}

func accepted(want []check.StatusRange, code int) bool {
	if len(want) == 0 {
		want = usual
	}
	return slices.ContainsFunc(want, func(r check.StatusRange) bool {
		return r.From <= code && code <= r.To
	})
}

// ranges writes status ranges as the configuration does.
func ranges(want []check.StatusRange) string {
	if len(want) == 0 {
		want = usual
	}
	texts := make([]string, len(want))
	for i, r := range want {
		texts[i] = fmt.Sprintf("%d-%d", r.From, r.To)
		if r.From == r.To {
			texts[i] = fmt.Sprint(r.From)
		}
	}
	return strings.Join(texts, ", ")
}

// contains reads until want has been seen, keeping no more than one buffer and
// what may be the beginning of want.
func contains(r io.Reader, want string) (bool, error) {
	buf := make([]byte, 4096+len(want))
	kept := 0
	for {
		n, err := r.Read(buf[kept:])
		have := buf[:kept+n]
		if bytes.Contains(have, []byte(want)) {
			return true, nil
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		kept = min(len(have), len(want)-1)
		copy(buf, have[len(have)-kept:])
	}
}
