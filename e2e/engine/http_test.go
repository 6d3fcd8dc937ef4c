package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"failover/e2e/lab"
	"failover/internal/api"
)

// served is where every director serves by default.
const served = "127.0.0.1:9650"

// get asks for a path from a node, on a connection of its own.
func (p *pair) get(n *lab.Node, address, path string) (code int, body string, err error) {
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, to string) (net.Conn, error) {
			return n.Dial(ctx, to)
		},
	}}
	r, err := client.Get("http://" + address + path)
	if err != nil {
		return 0, "", err
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	return r.StatusCode, string(text), err
}

// metrics are the lines of an exposition.
func (p *pair) metrics(n *lab.Node) []string {
	p.t.Helper()
	code, text, err := p.get(n, served, "/metrics")
	if err != nil || code != http.StatusOK {
		p.t.Fatalf("/metrics of %s: %d %v %s", n.Name, code, err, text)
	}
	return strings.Split(text, "\n")
}

// healthz waits for an answer of /healthz.
func (p *pair) healthz(n *lab.Node, want string) {
	p.t.Helper()
	p.await(10*time.Second, fmt.Sprintf("/healthz of %s says %q", n.Name, want), func() bool {
		code, text, err := p.get(n, served, "/healthz")
		return err == nil && text == want+"\n" && (code == http.StatusOK) == (want == "ok")
	})
}

// TestHTTP reads the real program as Prometheus and a monitor would.
func TestHTTP(t *testing.T) {
	p := newPair(t, spec{})
	p.settled()
	for _, c := range []struct {
		n    *lab.Node
		want []string
	}{
		{p.LB1, []string{`failover_vrrp_state{router="outside",state="master"} 1`, `failover_vrrp_priority{router="inside"} 150`,
			`failover_vrrp_addresses_held{router="outside"} 1`}},
		{p.LB2, []string{`failover_vrrp_state{router="outside",state="backup"} 1`, `failover_vrrp_state{router="outside",state="master"} 0`,
			`failover_vrrp_adverts_sent_total{router="inside"} 0`, `failover_vrrp_addresses_held{router="outside"} 0`}},
	} {
		lines := p.metrics(c.n)
		for _, want := range append(c.want, `failover_engine_up 1`, `failover_director_starts_total 1`, `failover_problems 0`,
			`failover_config_reload_total{result="success"} 1`) {
			if !slices.Contains(lines, want) {
				t.Errorf("%s has no %s:\n%s", c.n.Name, want, strings.Join(lines, "\n"))
			}
		}
		for _, process := range []string{"engine", "director"} {
			at := slices.IndexFunc(lines, func(l string) bool {
				return strings.HasPrefix(l, `failover_process_resident_memory_bytes{process="`+process+`"} `)
			})
			if at < 0 || strings.HasSuffix(lines[at], " 0") {
				t.Errorf("%s does not tell the memory of its %s", c.n.Name, process)
			}
		}
		p.healthz(c.n, "ok")
		p.sameStatus(c.n)
		if _, _, err := p.get(p.Other(c.n), "192.168.33.91:9650", "/healthz"); err == nil {
			t.Error("it is open to the network, though nobody asked for that")
		}
	}
}

// sameStatus compares /status.json with failover status --json. What changes
// while one asks is left out.
func (p *pair) sameStatus(n *lab.Node) {
	p.t.Helper()
	_, text, err := p.get(n, served, "/status.json")
	var over api.Status
	if jsonErr := json.Unmarshal([]byte(text), &over); err != nil || jsonErr != nil {
		p.t.Fatalf("/status.json of %s: %v, %v", n.Name, err, jsonErr)
	}
	moving := cmp.Options{
		cmpopts.IgnoreFields(api.Status{}, "Time"), cmpopts.IgnoreFields(api.Director{}, "UptimeSeconds"),
		cmpopts.IgnoreFields(api.VirtualRouter{}, "Since", "AdvertsSent", "AdvertsReceived"),
		cmpopts.IgnoreFields(api.Neighbour{}, "Seen"),
	}
	if diff := cmp.Diff(p.status(n), over, moving); diff != "" {
		p.t.Errorf("%s: status --json and /status.json (-status +http):\n%s", n.Name, diff)
	}
}

// TestHTTPFollowsTheFile: a reload moves it, a port that is taken is a problem
// and no more, and a director that is started again serves again.
func TestHTTPFollowsTheFile(t *testing.T) {
	p := newPair(t, spec{})
	p.settled()
	const open = "192.168.33.91:9651"
	p.configure(p.LB1, spec{daemon: `http_listen = { lb1 = "` + open + `", lb2 = "" }`})
	p.reload(p.LB1, "")
	if code, _, err := p.get(p.LB2, open, "/healthz"); err != nil || code != http.StatusOK {
		t.Errorf("from the neighbour: %d, %v", code, err)
	}
	if _, _, err := p.get(p.LB1, served, "/healthz"); err == nil {
		t.Error("it still answers at the old address")
	}

	l, err := p.LB1.Listen("127.0.0.1:9999")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p.configure(p.LB1, spec{daemon: `http_listen = "127.0.0.1:9999"`})
	const taken = "web: listen on 127.0.0.1:9999: address already in use"
	p.reload(p.LB1, taken)
	if st := p.status(p.LB1); !slices.Contains(st.Problems, taken) {
		t.Errorf("problems %q", st.Problems)
	}
	if got := p.router(p.LB1, "outside"); got.State != "master" || got.Transitions != 2 {
		t.Errorf("it is %s after %d changes of role", got.State, got.Transitions)
	}

	p.configure(p.LB1, spec{})
	p.reload(p.LB1, "")
	old := p.director(p.LB1)
	kill(t, old, syscall.SIGKILL)
	p.await(5*time.Second, "another director", func() bool { now := p.director(p.LB1); return now != 0 && now != old })
	p.healthz(p.LB1, "ok")
	if lines := p.metrics(p.LB1); !slices.Contains(lines, `failover_director_starts_total 2`) {
		t.Errorf("two directors were started:\n%s", strings.Join(lines, "\n"))
	}
}

// reload asks for a reload; problem is what it has to complain of.
func (p *pair) reload(n *lab.Node, problem string) {
	p.t.Helper()
	out, err := n.Run(p.within(20*time.Second), program, "reload")
	switch {
	case problem == "" && err != nil:
		p.t.Fatalf("reload on %s: %v\n%s", n.Name, err, out)
	case problem != "" && (err == nil || !strings.Contains(err.Error()+out, problem)):
		p.t.Errorf("reload on %s: %v\n%s\nwant %s", n.Name, err, out, problem)
	}
}

// TestHealthzOfAFrozenEngine: the process that elects does not answer, and
// /healthz says which one it is.
func TestHealthzOfAFrozenEngine(t *testing.T) {
	p := newPair(t, spec{})
	p.settled()
	engine := p.units[p.LB2].MainPID()
	kill(t, engine, syscall.SIGSTOP)
	thawed := false
	thaw := func() {
		if !thawed {
			thawed = true
			_ = syscall.Kill(engine, syscall.SIGCONT) // it is ours; if it is gone the test says so
		}
	}
	defer thaw()
	p.healthz(p.LB2, "the engine process does not answer")
	if lines := p.metrics(p.LB2); !slices.Contains(lines, "failover_engine_up 0") ||
		slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, "failover_vrrp_") }) {
		t.Errorf("without an engine:\n%s", strings.Join(lines, "\n"))
	}
	thaw()
	p.healthz(p.LB2, "ok")
	if lines := p.metrics(p.LB2); !slices.Contains(lines, "failover_engine_up 1") {
		t.Errorf("it runs again:\n%s", strings.Join(lines, "\n"))
	}
}

// TestDeploymentWithoutHTTP: "" opens nothing.
func TestDeploymentWithoutHTTP(t *testing.T) {
	p := newPair(t, spec{daemon: `http_listen = ""`})
	p.settled()
	tcp, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/tcp", p.units[p.LB1].MainPID()))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(tcp)) {
		if f := strings.Fields(line); len(f) > 3 && f[3] == "0A" { // LISTEN
			t.Errorf("something listens: %s", line)
		}
	}
	if st := p.status(p.LB1); len(st.Problems) > 0 {
		t.Errorf("problems %q", st.Problems)
	}
}
