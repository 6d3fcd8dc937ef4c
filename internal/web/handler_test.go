package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"failover/internal/api"
	"failover/internal/metrics"
)

// fake is a director that answers, or does not.
type fake struct {
	err   error
	alive error
	// enter and leave, where they are set, hold every answer up.
	enter chan struct{}
	leave chan struct{}
}

func (f *fake) wait() {
	if f.enter != nil {
		f.enter <- struct{}{}
		<-f.leave
	}
}

func (f *fake) Status(context.Context) (api.Status, error) {
	f.wait()
	return api.Status{Node: "lb1", Problems: []string{"web: web1 is down: 5 < 6"}, Directors: []api.Director{}}, f.err
}

func (f *fake) Metrics(context.Context) (metrics.Snapshot, error) {
	f.wait()
	return metrics.Snapshot{Version: "test", Problems: 1}, f.err
}

func (f *fake) Alive(context.Context) error { return f.alive }

func ask(h http.Handler, method, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w
}

func TestAnswers(t *testing.T) {
	starting := errors.New("the director is still starting")
	for _, c := range []struct {
		name         string
		f            fake
		method, path string
		code         int
		kind, body   string // part of it
	}{
		{"metrics", fake{}, "GET", "/metrics", 200, metrics.ContentType, "\nfailover_problems 1\n"},
		{"status", fake{}, "GET", "/status.json", 200, "application/json", "\n  \"node\": \"lb1\",\n"},
		{"health", fake{}, "GET", "/healthz", 200, "text/plain; charset=utf-8", "ok\n"},
		{"health does not ask how the servers are", fake{err: starting}, "GET", "/healthz", 200, "", "ok\n"},
		{"no engine", fake{alive: errors.New("the engine process does not answer")}, "GET", "/healthz", 503, "", "the engine process does not answer\n"},
		{"metrics of a start", fake{err: starting}, "GET", "/metrics", 503, "", "still starting\n"},
		{"status of a start", fake{err: starting}, "GET", "/status.json", 503, "", "still starting\n"},
		{"HEAD", fake{}, "HEAD", "/metrics", 200, metrics.ContentType, ""},
		{"POST", fake{}, "POST", "/metrics", 405, "", ""},
		{"DELETE", fake{}, "DELETE", "/status.json", 405, "", ""},
		{"the root", fake{}, "GET", "/", 404, "", "/metrics, /status.json and /healthz\n"},
		{"below a path", fake{}, "GET", "/metrics/x", 404, "", ""},
		{"another path", fake{}, "GET", "/debug/pprof/", 404, "", ""},
		{"a path that climbs", fake{}, "GET", "/..%2f..%2fetc/passwd", 404, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := ask(Handler(&c.f), c.method, c.path)
			if w.Code != c.code || !strings.Contains(w.Body.String(), c.body) {
				t.Errorf("%d %q, want %d and %q", w.Code, w.Body, c.code, c.body)
			}
			if kind := w.Header().Get("Content-Type"); c.kind != "" && kind != c.kind {
				t.Errorf("Content-Type %q, want %q", kind, c.kind)
			}
			for name := range w.Header() {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("%s opens this to other sites' pages", name)
				}
			}
		})
	}
}

// TestStatusBytes: the same as failover status --json, whose encoder is the
// standard one with two blanks.
func TestStatusBytes(t *testing.T) {
	f := &fake{}
	s, _ := f.Status(t.Context())
	var want strings.Builder
	enc := json.NewEncoder(&want)
	enc.SetIndent("", "  ")
	if err := enc.Encode(s); err != nil {
		t.Fatal(err)
	}
	if got := ask(Handler(f), "GET", "/status.json").Body.String(); got != want.String() {
		t.Errorf("got\n%swant\n%s", got, &want)
	}
}

// TestBusy: no more than so many answers are made at once, and /healthz is not
// among them.
func TestBusy(t *testing.T) {
	f := &fake{enter: make(chan struct{}), leave: make(chan struct{})}
	h := Handler(f)
	var asking sync.WaitGroup
	for i := range answers {
		asking.Go(func() {
			if w := ask(h, "GET", []string{"/metrics", "/status.json"}[i%2]); w.Code != 200 {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
		<-f.enter
	}
	if w := ask(h, "GET", "/metrics"); w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("one too many: %d %s", w.Code, w.Body)
	}
	if w := ask(h, "GET", "/healthz"); w.Code != 200 {
		t.Errorf("/healthz beside them: %d %s", w.Code, w.Body)
	}
	close(f.leave)
	asking.Wait()
	f.enter = nil
	if w := ask(h, "GET", "/metrics"); w.Code != 200 {
		t.Errorf("afterwards: %d %s", w.Code, w.Body)
	}
}
