package program

import (
	"context"
	"strings"
	"testing"
	"time"

	"failover/internal/testenv"
)

// What a program meets is tested with the exec check too (check/probe).

func TestRun(t *testing.T) {
	for _, c := range []struct {
		name, script string
		line, err    string
	}{
		{"quiet", "exit 0", "", ""},
		{"the last line", "echo one; echo two; echo", "two", ""},
		{"failed", "echo no >&2; exit 7", "no", "exit status 7"},
		{"killed", "kill -9 $$", "", "killed by SIGKILL"},
		{"its arguments", `echo "$0 $2"`, "name two words", ""},
		{"its environment", "echo $A$PATH; exit 0", "x/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", ""},
		{"too much", "exec yes", "printed more than 1024 KiB", "killed by SIGPIPE"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := Program{Argv: []string{"/bin/sh", "-c", c.script, "name", "one", "two words"}, Env: []string{Path, "A=x"}}
			line, err := p.Run(t.Context())
			got := ""
			if err != nil {
				got = err.Error()
			}
			if line != c.line || got != c.err {
				t.Errorf("got %q, %q; want %q, %q", line, got, c.line, c.err)
			}
		})
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := Program{Argv: []string{"/bin/sh", "-c", "sleep 1000 & sleep 1000"}}.Run(ctx)
	if err == nil || ctx.Err() == nil {
		t.Errorf("got %v", err)
	}
}

func TestUsers(t *testing.T) {
	if err := Exists(""); err != nil {
		t.Error(err)
	}
	if err := Exists("no-such-user"); err == nil || err.Error() != "user no-such-user: user: unknown user no-such-user" {
		t.Errorf("got %v", err)
	}
	env := strings.Join(Environ("root"), "\n")
	if want := "HOME=/root\nUSER=root\nLOGNAME=root"; !strings.HasSuffix(env, want) {
		t.Errorf("environment\n%s\nwant at its end\n%s", env, want)
	}
	testenv.NeedRoot(t) // to become another user
	line, err := Program{Argv: []string{"/bin/sh", "-c", "echo $(id -un) $USER"}, User: "nobody", Env: Environ("nobody")}.Run(t.Context())
	if err != nil || line != "nobody nobody" {
		t.Errorf("got %q, %v", line, err)
	}
}
