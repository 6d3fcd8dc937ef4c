package peer

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"failover/internal/api"
)

// recorder is a director that counts what changes it.
type recorder struct {
	fake
	changes int
}

func (r *recorder) Told(string, Words) error {
	r.changes++
	return nil
}

// fileDigest is that of the one file a recorder has.
const fileDigest = "sha256:d"

func (r *recorder) Reload(digest string) (api.Reload, error) {
	if digest != fileDigest {
		return api.Reload{}, errors.New("its file is another one")
	}
	r.changes++
	return api.Reload{ConfigDigest: digest}, nil
}

// FuzzRequest: whatever a director that has proved who it is sends, nothing panics,
// and nothing changes but by a request whose whole body is what it should be.
func FuzzRequest(f *testing.F) {
	for _, seed := range []string{
		"GET /v1/beat HTTP/1.1\r\nHost: failover\r\n\r\n",
		"GET /v1/director HTTP/1.1\r\nHost: failover\r\n\r\n",
		"GET /v1/connections HTTP/1.1\r\nHost: failover\r\n\r\nGET /v1/plan HTTP/1.1\r\nHost: failover\r\n\r\n",
		"HEAD /v1/words HTTP/1.1\r\nHost: failover\r\n\r\n",
		"POST /v1/words HTTP/1.1\r\nHost: failover\r\nContent-Length: 95\r\n\r\n" +
			`{"overrides":[{"virtual_server":"web","real_server":"web1","kind":"drain"}],"preferences":null}`,
		"POST /v1/words HTTP/1.1\r\nHost: failover\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
		"POST /v1/words HTTP/1.1\r\nHost: failover\r\nContent-Length: 3\r\n\r\n{}",
		"POST /v1/reload HTTP/1.1\r\nHost: failover\r\nContent-Length: 28\r\n\r\n" + `{"config_digest":"sha256:d"}`,
		"PUT /v2/words HTTP/1.0\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	under := newFuzzed(f)
	f.Fuzz(func(t *testing.T, wire []byte) {
		local, h := under.server()
		for in := bufio.NewReader(bytes.NewReader(wire)); ; {
			r, err := http.ReadRequest(in)
			if err != nil {
				return // package http answers that
			}
			body, err := io.ReadAll(r.Body)
			// The part that came is read again, and then what ended it.
			r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), failing{err}))
			under.ask(t, local, h, r, body, err == nil)
			if err != nil {
				return
			}
		}
	})
}

// FuzzBody is [FuzzRequest] for the bodies alone: what is wrong with a request is
// never its form.
func FuzzBody(f *testing.F) {
	for _, body := range []string{
		"{}", "{}x", "null", "[]", `{"overrides":[{"virtual_server":"web","real_server":"web1","kind":"drain"}]}`,
		`{"overrides":[{"kind":"weight","weight":-1}],"preferences":[{"group":"nat","director":"lb2"}]}`,
		`{"overrides":[{"since":"2026-13-01T00:00:00Z"}]}`, `{"preferences":[[]]}`,
		`{"config_digest":"sha256:d"}`, `{"config_digest":"sha256:d"}{"config_digest":"sha256:d"}`, `{"config_digest":7}`,
	} {
		f.Add(pathWords, []byte(body))
		f.Add(pathReload, []byte(body))
	}
	under := newFuzzed(f)
	f.Fuzz(func(t *testing.T, path string, body []byte) {
		local, h := under.server()
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
		r.URL.Path = path
		under.ask(t, local, h, r, body, true)
	})
}

// fuzzed makes servers that lb1 asks.
type fuzzed struct {
	own tls.Certificate
	key ed25519.PublicKey
	// proved is what lb1 has shown in its handshake.
	proved *tls.ConnectionState
}

func newFuzzed(f *testing.F) fuzzed {
	f.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		f.Fatal(err)
	}
	own, err := certificate(private)
	if err != nil {
		f.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(own.Certificate[0])
	if err != nil {
		f.Fatal(err)
	}
	return fuzzed{own, public, &tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}}}
}

func (f fuzzed) server() (*recorder, http.Handler) {
	local := &recorder{fake: fake{name: "lb2", told: map[string]Words{}}}
	return local, newServer(Config{
		Others: []Director{{Name: "lb1", Key: f.key}}, Local: local, Log: slog.New(slog.DiscardHandler),
	}, f.own, &refusals{}).handler()
}

// ask makes one request and holds what it changed against what it was; whole tells
// that all of the body came.
func (f fuzzed) ask(t *testing.T, local *recorder, h http.Handler, r *http.Request, body []byte, whole bool) {
	t.Helper()
	r.TLS = f.proved
	method, path := r.Method, r.URL.Path
	before := local.changes
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	changed := local.changes != before
	if changed && (!whole || !changes(method, path, body)) {
		t.Fatalf("%s %s with the body %q has changed something", method, path, body)
	}
	if done := method == http.MethodPost && w.Code == http.StatusOK; done != changed {
		t.Fatalf("%s %s with the body %q: answered %d, changed %v", method, path, body, w.Code, changed)
	}
	if whole && changes(method, path, body) && !changed {
		t.Fatalf("%s %s with the body %q has changed nothing: %d", method, path, body, w.Code)
	}
}

// changes tells whether a request is one that changes a director: independently of how
// the server reads it.
func changes(method, path string, body []byte) bool {
	if method != http.MethodPost || !json.Valid(body) {
		return false
	}
	switch path {
	case pathWords:
		var all Words
		return json.Unmarshal(body, &all) == nil
	case pathReload:
		var want reload
		return json.Unmarshal(body, &want) == nil && want.ConfigDigest == fileDigest
	}
	return false
}

// failing ends a body as it ended: with an error, or whole.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) {
	if f.err == nil {
		return 0, io.EOF
	}
	return 0, f.err
}
