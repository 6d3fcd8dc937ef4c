package probe

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"time"

	"failover/check"
)

// temper is how a server behaves.
type temper string

var tempers = []temper{"healthy", "refusing", "silent", "dripping", "lying", "flooding"}

// cell is one kind of check meeting one temper; where there is no such temper,
// moot says why.
type cell struct {
	moot   string
	spec   func(t *testing.T) check.Spec
	ok     bool
	detail string // regular expression, the whole detail
}

const timeout = 300 * time.Millisecond

// cells is the whole table. What lies: for tcp, a server that hangs up at
// once (it does complete the handshake); for http, one whose 200 is a maintenance page;
// for https, one with another's certificate; for exec, a program that ends well
// but leaves a process behind that holds its output open.
var cells = map[check.Kind]map[temper]cell{
	check.TCP: {
		"healthy":  {"", onTCP(mute), true, "connected"},
		"refusing": {"", toRefusing(check.TCP), false, "connection refused"},
		"silent":   {"", toSilent(check.TCP), false, "timeout after 300ms connecting"},
		"dripping": {"", onTCP(drips), true, "connected"},
		"lying":    {"", onTCP(hangsUp), true, "connected"},
		"flooding": {"", onTCP(floods), true, "connected"},
	},
	check.HTTP: {
		"healthy":  {"", patiently(onHTTP(answers("200 OK", "all OK"))), true, "200 OK"},
		"refusing": {"", toRefusing(check.HTTP), false, "connection refused"},
		"silent":   {"", onHTTP(mute), false, "timeout after 300ms waiting for headers"},
		"dripping": {"", onHTTP(drips), false, "timeout after 300ms waiting for headers"},
		"lying":    {"", patiently(onHTTP(answers("200 OK", "back soon"))), false, `body lacks "OK"`},
		"flooding": {"", patiently(onHTTP(floods)), false, "more than 64 KiB of headers"},
	},
	check.HTTPS: {
		"healthy":  {"", patiently(onHTTPS("web.example", answers("200 OK", "all OK"))), true, "200 OK"},
		"refusing": {"", toRefusing(check.HTTPS), false, "connection refused"},
		"silent":   {"", toMute(check.HTTPS), false, "timeout after 300ms in the TLS handshake"},
		"dripping": {"", onHTTPS("web.example", drips), false, "timeout after 300ms waiting for headers"},
		"lying": {"", patiently(onHTTPS("other.example", answers("200 OK", "all OK"))), false,
			"certificate not accepted: certificate is valid for other.example, not web.example"},
		"flooding": {"", patiently(onHTTPS("web.example", floods)), false, "more than 64 KiB of headers"},
	},
	check.Exec: {
		"healthy":  {"", patiently(runs("echo fine")), true, "fine"},
		"refusing": {"", runs("echo first; echo no such host >&2; exit 2"), false, "exit status 2: no such host"},
		"silent":   {"", runs("sleep 1000"), false, "timeout after 300ms"},
		"dripping": {"", runs("while :; do echo x; sleep 0.01; done"), false, "timeout after 300ms: x"},
		"lying":    {"", patiently(runs("sleep 1000 & echo fine")), true, "fine"},
		"flooding": {"", patiently(runs("exec yes")), false, "killed by SIGPIPE: printed more than 1024 KiB"},
	},
	check.Interface: {
		"healthy":  {"", onLink(up), true, "eth0 is up"},
		"refusing": {"", onLink(down), false, "eth0 is down"},
		"silent":   {"", onLink(noLink), false, "eth0 is not there"},
		"dripping": {moot: "the kernel answers whole"},
		"lying":    {"", onLink(unplugged), false, "eth0 has no carrier"},
		"flooding": {moot: "the kernel answers with one interface"},
	},
	check.Process: {
		"healthy":  {"", onProcess("healthy", ""), true, "healthy.* runs, pid [0-9]+"},
		"refusing": {"", onProcess("refused", "-"), false, "no process refused.*"},
		"silent":   {"", onStopped, false, "stopped.* is stopped, pid [0-9]+"},
		"dripping": {moot: "the kernel answers whole"},
		"lying":    {"", onProcess("lying", "x"), false, "no process lying.*"},
		"flooding": {moot: "one process is enough, the rest is not looked at"},
	},
	check.File: {
		"healthy":  {"", onFile("all is well\n"), true, ".*/tracked is there"},
		"refusing": {"", onNoFile, false, ".*/tracked: no such file or directory"},
		"silent":   {"", onPipe, false, ".*/tracked is not a regular file"},
		"dripping": {"", onFile(""), true, ".*/tracked is there"},
		"lying":    {"", onFile("0\n"), false, ".*/tracked says 0"},
		"flooding": {"", onFile(strings.Repeat("7", 1<<20)), true, ".*/tracked says 9223372036854775807"},
	},
	check.Ping: {
		"healthy":  {"", kernelAnswers, true, "reply"},
		"refusing": {"", unreachable, false, "no route to host"},
		"silent":   {"", onAddress(answersNothing), false, "timeout after 300ms waiting for the reply"},
		"dripping": {"", patiently(onAddress(answersInPieces)), true, "reply"},
		"lying":    {"", onAddress(answersAnother), false, "timeout after 300ms waiting for the reply"},
		"flooding": {"", onAddress(answersForever), false, "timeout after 300ms waiting for the reply"},
	},
}

func TestEveryKindMeetsEveryTemper(t *testing.T) {
	for _, kind := range Kinds() {
		for _, temper := range tempers {
			cell, ok := cells[kind][temper]
			if !ok {
				t.Errorf("%s × %s: empty cell", kind, temper)
				continue
			}
			if cell.moot != "" {
				continue
			}
			t.Run(string(kind)+"/"+string(temper), func(t *testing.T) {
				t.Parallel()
				s := cell.spec(t)
				ctx, cancel := context.WithTimeout(t.Context(), s.Timeout)
				defer cancel()
				began := time.Now()
				r := Run(ctx, s)
				if took := time.Since(began); took > s.Timeout+2*time.Second {
					t.Errorf("ended after %v, the deadline was %v", took, s.Timeout)
				}
				if r.OK != cell.ok || !regexp.MustCompile("^(?:"+cell.detail+")$").MatchString(r.Detail) {
					t.Errorf("got %v %q, want %v %q", r.OK, r.Detail, cell.ok, cell.detail)
				}
				if r.Took <= 0 {
					t.Errorf("took %v", r.Took)
				}
			})
		}
	}
}

func TestUnknownKind(t *testing.T) {
	if r := Run(t.Context(), check.Spec{Kind: "smoke"}); r.OK || r.Detail != `there is no check of kind "smoke"` {
		t.Errorf("got %+v", r)
	}
}

func TestCancelledProbesEnd(t *testing.T) {
	for kind, spec := range map[check.Kind]func(*testing.T) check.Spec{
		check.TCP: toSilent(check.TCP), check.HTTP: onHTTP(mute),
		check.HTTPS: toMute(check.HTTPS), check.Exec: runs("sleep 1000"), check.Ping: onAddress(answersNothing),
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			s := spec(t)
			s.Timeout = time.Minute
			ctx, cancel := context.WithTimeout(t.Context(), s.Timeout)
			time.AfterFunc(20*time.Millisecond, cancel)
			r := Run(ctx, s)
			if r.OK || !regexp.MustCompile("^cancelled").MatchString(r.Detail) || r.Took > 10*time.Second {
				t.Errorf("got %+v", r)
			}
		})
	}
}
