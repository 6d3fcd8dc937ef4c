package engine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"failover/e2e/lab"
)

// canary and another are secrets that nobody may see.
const (
	canary  = "c4n4ry!!"
	another = "p4rr0t!!"
)

const authFile = "/etc/failover/auth"

// TestSecretsAreNotShown walks what the program shows, with a password in a file
// and with one that is inline, one that is changed, one that differs from the
// neighbour's and one that is wrong.
func TestSecretsAreNotShown(t *testing.T) {
	p := newPair(t, spec{
		interval: time.Second, daemon: "log_level = \"debug\"",
		router: "version = 2\nauth = { file = \"" + authFile + "\" }",
	})
	hidden := func(n *lab.Node, args ...string) string {
		t.Helper()
		out, err := n.Run(p.within(20*time.Second), args...)
		if err != nil {
			out += err.Error() // with what it wrote to stderr
		}
		for _, secret := range []string{canary, another} {
			if strings.Contains(out, secret) {
				t.Errorf("%v shows it:\n%s", args, out)
			}
		}
		return out
	}
	walk := func(n *lab.Node) {
		t.Helper()
		for _, args := range [][]string{
			{"validate"}, {"plan"}, {"plan", "--json"}, {"status"}, {"status", "--json"}, {"reload", "--json"}, {"release"},
		} {
			hidden(n, append([]string{program}, args...)...)
		}
		for _, path := range []string{"/metrics", "/status.json", "/healthz"} {
			_, body, err := p.get(n, served, path)
			if err != nil || strings.Contains(body, canary) || strings.Contains(body, another) {
				t.Errorf("%s shows it, or nothing: %v\n%s", path, err, body)
			}
		}
	}
	for _, n := range p.Directors() {
		p.must(n.WriteFile(authFile, []byte(canary+"\n"), 0o600))
	}
	p.settled()
	p.await(5*time.Second, "lb2 hears lb1 with the password", func() bool {
		r := p.router(p.LB2, "outside")
		return len(r.Neighbours) == 1 && r.Neighbours[0].RejectedBy == "" && r.AdvertsReceived > 0
	})
	walk(p.LB1)

	p.must(p.LB1.WriteFile(authFile, []byte(another+"\n"), 0o600))
	if out := hidden(p.LB1, program, "reload"); !strings.Contains(out, "virtual_router.outside.auth: a secret → another secret") {
		t.Errorf("reload: %q", out)
	}
	p.await(10*time.Second, "lb2 says that the passwords differ", func() bool {
		return strings.Contains(strings.Join(p.status(p.LB2).Problems, "\n"), "auth")
	})
	walk(p.LB2)

	inline := p.spec
	inline.router = "version = 2\nauth = \"" + another + "\""
	p.configure(p.LB1, inline)
	if out := hidden(p.LB1, program, "validate"); !strings.Contains(out, "valid") {
		t.Errorf("validate: %q", out)
	}
	walk(p.LB1)
	for _, wrong := range []string{`"` + canary + `9"`, canary, `"` + canary, `{ file = "/etc/failover/nope" }`} {
		inline.router = "version = 2\nauth = " + wrong
		p.configure(p.LB1, inline)
		walk(p.LB1)
	}
	if out := hidden(p.LB1, program, "validate"); !strings.Contains(out, "virtual_router.outside.auth.file: open /etc/failover/nope: no such file or directory") {
		t.Errorf("validate: %q", out)
	}
	for _, n := range p.Directors() {
		for _, secret := range []string{canary, another} {
			if p.said(n, secret) {
				t.Errorf("the log of %s shows it", n.Name)
			}
		}
	}
	p.noFile(p.LB2, "/var/lib/failover")
}

// noFile complains about a file of a directory that has a secret.
func (p *pair) noFile(n *lab.Node, dir string) {
	p.t.Helper()
	p.must(n.Do(func() error {
		return filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := os.ReadFile(path)
			if strings.Contains(string(b), canary) || strings.Contains(string(b), another) {
				p.t.Errorf("%s has it", path)
			}
			return err
		})
	}))
}
