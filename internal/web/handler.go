// Package web is the director's HTTP side: /metrics for Prometheus, /status.json
// for programs, /healthz for monitors. It only reads, and whoever can connect may
// read; the configuration says where it listens.
package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"failover/internal/api"
	"failover/internal/metrics"
)

// Director is what is served.
type Director interface {
	// Status is what `failover status` shows.
	Status(context.Context) (api.Status, error)
	// Metrics is a snapshot for Prometheus.
	Metrics(context.Context) (metrics.Snapshot, error)
	// Alive returns nil when both processes of the daemon answer, else which one
	// does not.
	Alive(context.Context) error
}

const (
	// requestTimeout bounds the making of one answer.
	requestTimeout = 10 * time.Second
	// answers is how many large answers are made at the same time. A scraper needs
	// one; whoever asks in a hurry is told to come back.
	answers = 4
)

// Handler answers GET and HEAD, and knows nothing but its three paths.
func Handler(d Director) http.Handler {
	busy := make(chan struct{}, answers)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", limited(busy, func(ctx context.Context) ([]byte, string, error) {
		s, err := d.Metrics(ctx)
		if err != nil {
			return nil, "", err
		}
		text, err := metrics.Text(&s)
		return text, metrics.ContentType, err
	}))
	mux.HandleFunc("GET /status.json", limited(busy, func(ctx context.Context) ([]byte, string, error) {
		s, err := d.Status(ctx)
		if err != nil {
			return nil, "", err
		}
		text, err := encode(s)
		return text, "application/json", err
	}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
		defer cancel()
		// Not status.healthy: a dead real server is a reason to call somebody, none to
		// restart this daemon or to take the machine out.
		if err := d.Alive(ctx); err != nil {
			plain(w, http.StatusServiceUnavailable, err.Error())
			return
		}
		plain(w, http.StatusOK, "ok")
	})
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) {
		plain(w, http.StatusNotFound, "there are /metrics, /status.json and /healthz")
	})
	return mux
}

// limited makes an answer while not too many others are being made.
func limited(busy chan struct{}, answer func(context.Context) ([]byte, string, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case busy <- struct{}{}:
		default:
			w.Header().Set("Retry-After", "1")
			plain(w, http.StatusServiceUnavailable, fmt.Sprintf("busy: %d answers are being made", answers))
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
		body, kind, err := answer(ctx)
		cancel()
		<-busy // not held while a slow client reads
		if err != nil {
			plain(w, http.StatusServiceUnavailable, err.Error())
			return
		}
		send(w, http.StatusOK, kind, body)
	}
}

// encode writes JSON as `failover status --json` does.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("web: encode the status: %w", err)
	}
	return b.Bytes(), nil
}

func plain(w http.ResponseWriter, code int, line string) {
	send(w, code, "text/plain; charset=utf-8", []byte(line+"\n"))
}

func send(w http.ResponseWriter, code int, kind string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	_, _ = w.Write(body) // the client went away: nobody is left to tell
}
