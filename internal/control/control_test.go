package control

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"failover/internal/api"
)

type fakeDirector struct{ reloadErr error }

func (fakeDirector) Status(context.Context) (api.Status, error) {
	return api.Status{Node: "lb1", Healthy: true}, nil
}

func (fakeDirector) Plan(context.Context) (api.Plan, error) {
	return api.Plan{Changes: []api.Change{{Op: "~", Object: "x", Detail: "weight 1 -> 3"}}}, nil
}

func (fakeDirector) ReloadPair(_ context.Context, p api.PairReload) (api.PairReloaded, error) {
	if p.DryRun {
		return api.PairReloaded{ConfigDigest: "sha256:x"}, nil
	}
	return api.PairReloaded{}, &api.Error{Message: "refused", Invalid: true}
}

func (fakeDirector) Maintain(_ context.Context, m api.Maintenance) (api.Maintained, error) {
	return api.Maintained{On: m.On, MasterOf: []string{}}, nil
}

func (fakeDirector) Switchover(_ context.Context, s api.Switchover) (api.Switched, error) {
	return api.Switched{Groups: []api.SwitchedGroup{{Group: s.Group, Preferred: s.To, Master: s.To}}}, nil
}

func (f fakeDirector) Restart(_ context.Context, answer func(api.Restarted)) error {
	if f.reloadErr != nil {
		return f.reloadErr
	}
	answer(api.Restarted{PID: 7, Version: "v2", Before: "v1"})
	return nil
}

func (f fakeDirector) Reload(context.Context) (api.Reload, error) {
	return api.Reload{File: "failover.toml"}, f.reloadErr
}

func (fakeDirector) Operate(_ context.Context, o api.Operator) (api.Operated, error) {
	if o.VirtualServer == "" {
		return api.Operated{}, &api.Error{Message: "no virtual server is named", Invalid: true}
	}
	return api.Operated{VirtualServer: o.VirtualServer, RealServer: o.RealServer, Operator: o.Operator}, nil
}

// serve starts a server on a socket of its own.
func serve(t *testing.T, d Director) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "run", "failover.sock")
	l, err := Listen(path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- Serve(ctx, l, d) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return path
}

func TestCommandsReachTheDirector(t *testing.T) {
	c := NewClient(serve(t, fakeDirector{}))
	if s, err := c.Status(t.Context()); err != nil || s.Node != "lb1" || !s.Healthy {
		t.Errorf("status: %+v, %v", s, err)
	}
	if p, err := c.Plan(t.Context()); err != nil || len(p.Changes) != 1 || p.Changes[0].Detail != "weight 1 -> 3" {
		t.Errorf("plan: %+v, %v", p, err)
	}
	if r, err := c.Reload(t.Context()); err != nil || r.File != "failover.toml" {
		t.Errorf("reload: %+v, %v", r, err)
	}
}

func TestMaintenanceAndSwitchover(t *testing.T) {
	c := NewClient(serve(t, fakeDirector{}))
	if m, err := c.Maintain(t.Context(), api.Maintenance{On: true}); err != nil || !m.On {
		t.Errorf("%+v, %v", m, err)
	}
	if s, err := c.Switchover(t.Context(), api.Switchover{Group: "nat", To: "lb2"}); err != nil || len(s.Groups) != 1 || s.Groups[0].Master != "lb2" {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestOperatorIsHeard(t *testing.T) {
	path := serve(t, fakeDirector{})
	c := NewClient(path)
	want := api.Operated{VirtualServer: "web", RealServer: "web1", Operator: "drain"}
	got, err := c.Operate(t.Context(), api.Operator{VirtualServer: "web", RealServer: "web1", Operator: "drain"})
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	for what, said := range map[string]any{"a typo": map[string]string{"virtual_sever": "web"}, "no object": "drain", "nothing": nil, "too much": strings.Repeat("x", maxRequest)} {
		var told *api.Error
		if _, err := call[api.Operated](t.Context(), c, http.MethodPost, "/v1/operator", said); !errors.As(err, &told) || !told.Invalid {
			t.Errorf("%s: got %v, want a refusal", what, err)
		}
	}
}

func TestErrorsKeepTheirParts(t *testing.T) {
	want := &api.Error{Message: "the file is invalid", Details: []string{"a:1:2: x"}, Hint: "mend it", Invalid: true}
	c := NewClient(serve(t, fakeDirector{reloadErr: want}))
	_, err := c.Reload(t.Context())
	var got *api.Error
	if !errors.As(err, &got) || got.Message != want.Message || got.Hint != want.Hint || !got.Invalid || len(got.Details) != 1 {
		t.Errorf("got %+v, want %+v", err, want)
	}
}

func TestNoDaemon(t *testing.T) {
	dir := t.TempDir()
	left := filepath.Join(dir, "left.sock") // a killed daemon leaves its socket
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: left})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	for _, path := range []string{filepath.Join(dir, "never.sock"), left} {
		if _, err := NewClient(path).Status(t.Context()); !errors.Is(err, ErrNoDaemon) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v, want ErrNoDaemon naming the socket", path, err)
		}
	}
	// A new daemon takes the place of the dead one's socket.
	l2, err := Listen(left, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	l2.Close()
}

func TestSocketIsNotForOthers(t *testing.T) {
	path := serve(t, fakeDirector{})
	fi, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if fi.Mode().Perm()&0o007 != 0 {
		t.Errorf("socket mode %v is open to others", fi.Mode())
	}
}

func TestUnknownCommandNamesItself(t *testing.T) {
	c := NewClient(serve(t, fakeDirector{}))
	_, err := call[api.Status](t.Context(), c, http.MethodPost, "/v1/dance", nil)
	if err == nil || !strings.Contains(err.Error(), "POST /v1/dance") {
		t.Errorf("got %v", err)
	}
}

// A restart is answered before the process that answers has gone, and one that came to
// nothing is an error like any other.
func TestRestartIsAnsweredInTime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "failover.sock")
	l, err := Listen(path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- Serve(t.Context(), l, leaving{l: l}) }()
	r, err := NewClient(path).Restart(t.Context())
	if err != nil || r != (api.Restarted{PID: 7, Version: "v2", Before: "v1"}) {
		t.Errorf("%+v, %v", r, err)
	}
	if err := <-served; err != nil {
		t.Errorf("serve: %v", err)
	}
	c := NewClient(serve(t, fakeDirector{reloadErr: &api.Error{Message: "no restart", Invalid: true, Details: []string{"line 3"}}}))
	var told *api.Error
	if _, err := c.Restart(t.Context()); !errors.As(err, &told) || !told.Invalid || len(told.Details) != 1 {
		t.Errorf("refused: %+v", err)
	}
}

// leaving is a director that another process follows: it listens no more when it
// answers.
type leaving struct {
	fakeDirector
	l net.Listener
}

func (d leaving) Restart(ctx context.Context, answer func(api.Restarted)) error {
	return errors.Join(d.l.Close(), d.fakeDirector.Restart(ctx, answer))
}
