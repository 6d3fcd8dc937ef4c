// Package control is the local interface of a running director: HTTP and JSON
// on a Unix socket, spoken by the commands of the same binary and, as well, by
// curl --unix-socket.
package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"time"

	"failover/internal/api"
	"failover/internal/sockets"
)

// Director is what the socket gives access to.
type Director interface {
	Status(context.Context) (api.Status, error)
	Plan(context.Context) (api.Plan, error)
	Reload(context.Context) (api.Reload, error)
	ReloadPair(context.Context, api.PairReload) (api.PairReloaded, error)
	Operate(context.Context, api.Operator) (api.Operated, error)
	Maintain(context.Context, api.Maintenance) (api.Maintained, error)
	Switchover(context.Context, api.Switchover) (api.Switched, error)
	// Restart calls answer where another process goes on; this one leaves then.
	Restart(ctx context.Context, answer func(api.Restarted)) error
}

// Group is the system group whose members may use the socket.
const Group = "failover"

// requestTimeout bounds one request; a reload waits for the table.
const requestTimeout = 30 * time.Second

// Listen makes the socket, 0660 root:failover, or 0600 with a warning where
// there is no such group. A socket left by a killed process is replaced.
func Listen(path string, log *slog.Logger) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("control: %w", err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("control: replace the old socket: %w", err)
	}
	l, err := listenPrivate(path)
	if err != nil {
		return nil, fmt.Errorf("control: %w", err)
	}
	gid, err := groupID()
	if err != nil {
		log.Warn("control socket is for root only", "socket", path, "reason", err)
		return l, nil
	}
	if err := errors.Join(os.Chown(path, 0, gid), os.Chmod(path, 0o660)); err != nil {
		log.Warn("control socket is for root only", "socket", path, "reason", err)
	}
	return l, nil
}

// listenPrivate binds a socket that is 0600 from its first moment: it is bound
// inside a directory of its own and moved to its place.
func listenPrivate(path string) (net.Listener, error) {
	dir, err := os.MkdirTemp(filepath.Dir(path), ".control-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	inner := filepath.Join(dir, "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: inner})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	if err := errors.Join(os.Chmod(inner, 0o600), os.Rename(inner, path)); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func groupID() (int, error) {
	g, err := user.LookupGroup(Group)
	if err != nil {
		return 0, fmt.Errorf("there is no group %q", Group)
	}
	return strconv.Atoi(g.Gid)
}

// Serve answers requests until ctx ends, or until the listener is closed and the
// requests in progress are answered.
func Serve(ctx context.Context, l net.Listener, d Director) error {
	var waiting sockets.Waiting
	srv := &http.Server{
		ConnState:         waiting.Note,
		Handler:           routes(d),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       requestTimeout,
		MaxHeaderBytes:    16 << 10,
	}
	stop := context.AfterFunc(ctx, func() { srv.Close() })
	defer stop()
	err := srv.Serve(l)
	if errors.Is(err, net.ErrClosed) {
		waiting.None(ctx)
		return nil
	}
	if err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("control: %w", err)
	}
	return nil
}

func routes(d Director) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", answer(d.Status))
	mux.HandleFunc("GET /v1/plan", answer(d.Plan))
	mux.HandleFunc("POST /v1/reload", answer(d.Reload))
	mux.HandleFunc("POST /v1/reload/pair", request(d.ReloadPair))
	mux.HandleFunc("POST /v1/operator", request(d.Operate))
	mux.HandleFunc("POST /v1/maintenance", request(d.Maintain))
	mux.HandleFunc("POST /v1/switchover", request(d.Switchover))
	mux.HandleFunc("POST /v1/restart", restart(d))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		write(w, http.StatusNotFound, &api.Error{
			Message: fmt.Sprintf("the daemon has no %s %s", r.Method, r.URL.Path),
			Hint:    "the command may be newer than the daemon: compare failover version with failover status",
		})
	})
	return mux
}

// answer turns a method of the director into a handler.
func answer[T any](do func(context.Context) (T, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
		defer cancel()
		v, err := do(ctx)
		if err == nil {
			write(w, http.StatusOK, v)
			return
		}
		refuse(w, err)
	}
}

// refuse is the answer to a command that could not be carried out.
func refuse(w http.ResponseWriter, err error) {
	var told *api.Error
	switch {
	case !errors.As(err, &told):
		write(w, http.StatusInternalServerError, &api.Error{Message: err.Error()})
	case told.Invalid:
		write(w, http.StatusUnprocessableEntity, told)
	default:
		write(w, http.StatusInternalServerError, told)
	}
}

// restart answers before the process that answers has gone: the whole of the answer
// is with the kernel when the director is told that it was given.
func restart(d Director) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
		defer cancel()
		err := d.Restart(ctx, func(done api.Restarted) {
			body, err := json.Marshal(done)
			if err != nil {
				panic(fmt.Sprintf("control: %v", err)) // plain values always encode
			}
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
			_, _ = w.Write(body) // the client has gone: nobody is left to tell
			_ = http.NewResponseController(w).Flush()
		})
		if err != nil {
			refuse(w, err)
		}
	}
}

// maxRequest bounds what a client may say.
const maxRequest = 64 << 10

// request is answer for a method that is told something.
func request[Q, T any](do func(context.Context, Q) (T, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var q Q
		dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&q); err != nil {
			write(w, http.StatusUnprocessableEntity, &api.Error{Message: fmt.Sprintf("%s %s: %v", r.Method, r.URL.Path, err), Invalid: true})
			return
		}
		answer(func(ctx context.Context) (T, error) { return do(ctx, q) })(w, r)
	}
}

func write(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	_ = enc.Encode(v) // the client has gone: nobody is left to tell
}
