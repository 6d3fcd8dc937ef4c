package probe

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"

	"failover/check"
)

// ask runs a check with time enough.
func ask(t *testing.T, s check.Spec) check.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), s.Timeout)
	defer cancel()
	return Run(ctx, s)
}

func TestHTTPStatusAndBody(t *testing.T) {
	const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	long := strings.Repeat("x", 100_000)
	only := func(from, to int) []check.StatusRange { return []check.StatusRange{{From: from, To: to}} }
	tests := []struct {
		name   string
		server func(net.Conn)
		want   check.HTTPSpec
		ok     bool
		detail string
	}{
		{"any 2xx", answers("204 No Content", ""), check.HTTPSpec{}, true, "204 No Content"},
		{"busy", answers("503 Service Unavailable", ""), check.HTTPSpec{}, false, "status 503, want 200-299"},
		{"a redirect is not followed", answers("302 Found", ""), check.HTTPSpec{}, false, "status 302, want 200-299"},
		{"one status", answers("401 Unauthorized", ""), check.HTTPSpec{Status: only(401, 401)}, true, "401 Unauthorized"},
		{"several", answers("404 Not Found", ""),
			check.HTTPSpec{Status: []check.StatusRange{{From: 200, To: 200}, {From: 300, To: 399}}},
			false, "status 404, want 200, 300-399"},
		{"continue before the answer", says("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"),
			check.HTTPSpec{}, true, "200 OK"},
		{"chunks", says(chunked + "4\r\nneed\r\n2\r\nle\r\n0\r\n\r\n"), check.HTTPSpec{Body: "needle"}, true, "200 OK"},
		{"broken chunks", says(chunked + "need\r\nle"), check.HTTPSpec{Body: "needle"}, false, "reading the body: .*"},
		{"far inside the body", answers("200 OK", long+"needle"+long), check.HTTPSpec{Body: "needle"}, true, "200 OK"},
		{"beyond the limit", answers("200 OK", strings.Repeat(long, 12)+"needle"), check.HTTPSpec{Body: "needle"},
			false, `body lacks "needle" in its first 1024 KiB`},
		{"body shorter than promised", says("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nnee"), check.HTTPSpec{Body: "needle"},
			false, `body lacks "needle"`},
		{"no HTTP", says("220 mail.example ESMTP\r\n"), check.HTTPSpec{}, false,
			"waiting for headers: malformed HTTP .*"},
		{"no answer", says(""), check.HTTPSpec{}, false, "connection closed waiting for headers"},
		{"control characters", answers("200 \x1b[31mred", ""), check.HTTPSpec{}, true, "200  [31mred"},
		{"bad path", mute, check.HTTPSpec{Path: "x y"}, false, `path "x y": parse "x y": invalid URI for request`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := patient(spec(check.HTTP, serve(t, test.server)))
			s.HTTP = &test.want
			r := ask(t, s)
			same := r.Detail == test.detail
			if prefix, pattern := strings.CutSuffix(test.detail, ".*"); pattern {
				same = strings.HasPrefix(r.Detail, prefix)
			}
			if r.OK != test.ok || !same {
				t.Errorf("got %v %q, want %v %q", r.OK, r.Detail, test.ok, test.detail)
			}
		})
	}
}

// A body that is needed and never ends is bounded by the deadline, one that is
// not needed is not waited for.
func TestHTTPDrippingBody(t *testing.T) {
	server := func(c net.Conn) {
		readRequest(c)
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
		drips(c)
	}
	s := spec(check.HTTP, serve(t, server))
	s.HTTP = &check.HTTPSpec{Body: "never"}
	if r := ask(t, s); r.OK || r.Detail != "timeout after 300ms reading the body" {
		t.Errorf("needed: got %v %q", r.OK, r.Detail)
	}
	s = patient(s)
	s.HTTP = nil
	if r := ask(t, s); !r.OK {
		t.Errorf("not needed: got %v %q", r.OK, r.Detail)
	}
}

func TestHTTPRequest(t *testing.T) {
	tests := []struct {
		name string
		want check.HTTPSpec
		text string
	}{
		{"defaults", check.HTTPSpec{}, "GET / HTTP/1.1\r\nHost: TARGET\r\nUser-Agent: failover\r\nConnection: close\r\n\r\n"},
		{"everything", check.HTTPSpec{
			Method: "HEAD", Path: "/health?deep=1", Host: "web.example",
			Headers: map[string]string{"X-Token": "a b", "user-agent": "probe"},
		}, "HEAD /health?deep=1 HTTP/1.1\r\nHost: web.example\r\nUser-Agent: probe\r\nConnection: close\r\nX-Token: a b\r\n\r\n"},
		{"a host header", check.HTTPSpec{Headers: map[string]string{"host": "other.example"}},
			"GET / HTTP/1.1\r\nHost: other.example\r\nUser-Agent: failover\r\nConnection: close\r\n\r\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := make(chan string, 1)
			target := serve(t, func(c net.Conn) {
				got <- readRequest(c)
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
			})
			s := patient(spec(check.HTTP, target))
			s.HTTP = &test.want
			if r := ask(t, s); !r.OK {
				t.Fatal(r.Detail)
			}
			if text, want := <-got, strings.ReplaceAll(test.text, "TARGET", target.String()); text != want {
				t.Errorf("sent %q, want %q", text, want)
			}
		})
	}
}

func TestHTTPSVerification(t *testing.T) {
	a, other := newAuthority(t), newAuthority(t)
	fine := answers("200 OK", "")
	tests := []struct {
		name, cert string
		want       check.HTTPSpec
		detail     string // beginning of it
	}{
		{"the server name", "web.example", check.HTTPSpec{ServerName: "web.example", CAFile: a.file}, "200 OK"},
		{"the host is the default", "web.example", check.HTTPSpec{Host: "web.example:8443", CAFile: a.file}, "200 OK"},
		{"the address without a host", "127.0.0.1", check.HTTPSpec{CAFile: a.file}, "200 OK"},
		{"the wrong name", "web.example", check.HTTPSpec{CAFile: a.file}, "certificate not accepted: "},
		{"another authority", "127.0.0.1", check.HTTPSpec{CAFile: other.file}, "certificate not accepted: "},
		{"the system's authorities", "127.0.0.1", check.HTTPSpec{}, "certificate not accepted: "},
		{"not verified", "web.example", check.HTTPSpec{SkipVerify: true}, "200 OK"},
		{"no CA file", "web.example", check.HTTPSpec{CAFile: "/nowhere.pem"}, "read CA file: open /nowhere.pem: no such file"},
		{"no certificate in it", "web.example", check.HTTPSpec{CAFile: "/dev/null"}, "CA file /dev/null: no certificate in it"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := patient(spec(check.HTTPS, a.serve(t, test.cert, fine)))
			s.HTTP = &test.want
			if r := ask(t, s); !strings.HasPrefix(r.Detail, test.detail) || r.OK != (test.detail == "200 OK") {
				t.Errorf("got %v %q, want %q", r.OK, r.Detail, test.detail)
			}
		})
	}
	s := patient(spec(check.HTTPS, serve(t, func(c net.Conn) {
		_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
		mute(c)
	})))
	if r := ask(t, s); r.OK || !strings.HasPrefix(r.Detail, "no TLS in the TLS handshake") {
		t.Errorf("a server without TLS: %v %q", r.OK, r.Detail)
	}
}

// The needle is found wherever the pieces it arrives in are cut.
func TestContainsAcrossReads(t *testing.T) {
	const text, want = "some hay and a needle in it", "needle"
	for size := 1; size <= len(text); size++ {
		if found, err := contains(&pieces{text, size}, want); !found || err != nil {
			t.Errorf("pieces of %d: %v, %v", size, found, err)
		}
		if found, _ := contains(&pieces{text, size}, "noodle"); found {
			t.Errorf("pieces of %d: found what is not there", size)
		}
	}
}

type pieces struct {
	left string
	size int
}

func (p *pieces) Read(b []byte) (int, error) {
	if p.left == "" {
		return 0, io.EOF
	}
	n := copy(b, p.left[:min(p.size, len(p.left))])
	p.left = p.left[n:]
	return n, nil
}

func TestDetailIsOneShortLine(t *testing.T) {
	got := oneLine("a\nb\t" + strings.Repeat("ü", 200) + "\xff")
	if strings.ContainsAny(got, "\n\t") || len(got) > longest+len("…") || !strings.HasPrefix(got, "a b ü") {
		t.Errorf("got %q", got)
	}
}
