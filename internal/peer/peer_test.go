package peer

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"failover/internal/api"
	"failover/internal/policy"
	"failover/lvs"
)

// fake is the director behind a link.
type fake struct {
	name string
	mu   sync.Mutex
	told map[string]Words
	big  int // bytes of version in the beat
	// breaks is why its table of connections ends early.
	breaks error
}

func (f *fake) Beat() Beat {
	return Beat{Node: f.name, Version: "1.0" + strings.Repeat("x", f.big), ConfigDigest: "sha256:c"}
}

func (f *fake) Director() (api.Director, error) { return api.Director{Name: f.name, Self: true}, nil }

func (f *fake) Words() Words { return f.told[f.name] }

func (f *fake) Told(from string, all Words) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(all.Overrides) == 0 {
		return errors.New("nothing is said")
	}
	f.told[from] = all
	return nil
}

func (f *fake) Connections(w io.Writer) error {
	if _, err := io.WriteString(w, connsText); err != nil || f.breaks == nil {
		return err
	}
	return f.breaks
}

// connsText is a table of two connections as the kernel writes it.
const connsText = `Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData
TCP AC140A01 9C41 AC140A04 0050 C0A8215D 1F90 ESTABLISHED     900
TCP AC140A01 0000 AC140A04 0050 C0A8215D 0050 NONE             50
`

func (f *fake) Plan() (api.Plan, error) {
	return api.Plan{}, &api.Error{Message: "the file is not usable", Details: []string{"failover.toml:1:1: x"}}
}

func (f *fake) Reload(digest string) (api.Reload, error) {
	return api.Reload{ConfigDigest: digest}, nil
}

// end is one end of a pair under test.
type end struct {
	*Link
	fake *fake
	cfg  Config
}

// pair makes two ends that know each other, on two addresses of loopback.
func pair(t *testing.T) (a, b *end) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := netip.MustParseAddrPort(l.Addr().String()).Port()
	l.Close()
	var ends [2]*end
	var directors [2]Director
	var keys [2]ed25519.PrivateKey
	for i, name := range []string{"lb1", "lb2"} {
		public, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		keys[i] = private
		directors[i] = Director{Name: name, Addresses: []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, byte(i + 1)})}, Key: public}
	}
	for i := range ends {
		f := &fake{name: directors[i].Name, told: map[string]Words{}}
		cfg := Config{
			Self: directors[i], Others: []Director{directors[1-i]}, Key: keys[i], Port: port, Local: f,
			Changed: func(View) {}, Log: slog.New(slog.DiscardHandler),
		}
		link, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		ends[i] = &end{link, f, cfg}
	}
	return ends[0], ends[1]
}

// run runs a link until the test ends; stop ends it before.
func (e *end) run(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 20 s", what)
		}
	}
}

func (e *end) reaches(name string) bool { return e.Views()[name].Reachable }

// at is where a link listens.
func (e *end) at() string {
	return netip.AddrPortFrom(e.cfg.Self.Addresses[0], e.cfg.Port).String()
}

func TestPairMeets(t *testing.T) {
	a, b := pair(t)
	a.run(t)
	stop := b.run(t)
	eventually(t, "both reach each other", func() bool { return a.reaches("lb2") && b.reaches("lb1") })
	if v := a.Views()["lb2"]; v.Beat.Node != "lb2" || v.Beat.ConfigDigest != "sha256:c" || v.Cause != "" {
		t.Errorf("lb1 knows %+v", v)
	}
	if d, err := a.Director(t.Context(), "lb2"); err != nil || d.Name != "lb2" {
		t.Errorf("%+v, %v", d, err)
	}
	said := Words{
		Overrides:   []Override{{VirtualServer: "web", RealServer: "web1", Override: policy.Override{Kind: policy.Drain, Since: time.Unix(1, 0).UTC()}}},
		Preferences: []Preference{{Group: "nat", Preference: policy.Preference{Director: "lb2", Since: time.Unix(2, 0).UTC()}}},
	}
	if err := a.Tell(t.Context(), "lb2", said); err != nil {
		t.Fatal(err)
	}
	b.fake.mu.Lock()
	if got := b.fake.told["lb1"]; !reflect.DeepEqual(got, said) {
		t.Errorf("lb2 was told %+v", got)
	}
	b.fake.mu.Unlock()
	var told *api.Error
	if err := a.Tell(t.Context(), "lb2", Words{}); !errors.As(err, &told) || told.Message != "nothing is said" {
		t.Errorf("a refusal comes as %v", err)
	}
	conns := 0
	if err := a.Connections(t.Context(), "lb2", func(lvs.Conn) { conns++ }); err != nil || conns != 2 {
		t.Errorf("%d connections, %v", conns, err)
	}
	b.fake.breaks = errors.New("no such file")
	if err := a.Connections(t.Context(), "lb2", func(lvs.Conn) {}); err == nil {
		t.Error("a part of a table is taken for all of it")
	}
	if _, err := a.Plan(t.Context(), "lb2"); !errors.As(err, &told) || len(told.Details) != 1 {
		t.Errorf("a refusal with details comes as %+v", err)
	}
	if r, err := a.Reload(t.Context(), "lb2", "sha256:d"); err != nil || r.ConfigDigest != "sha256:d" {
		t.Errorf("%+v, %v", r, err)
	}
	stop()
	eventually(t, "lb1 misses lb2", func() bool { v := a.Views()["lb2"]; return !v.Reachable && v.Cause != "" })
	b.run(t)
	eventually(t, "lb1 reaches lb2 again", func() bool { return a.reaches("lb2") })
}

// TestComesBack: a director that connects is asked at once, though an attempt from
// when it was away still hangs and the next one is due much later.
func TestComesBack(t *testing.T) {
	for _, c := range []struct {
		name string
		away func(t *testing.T, a, b *end) // how it is for a, until b is back
	}{
		{"an attempt hangs", func(t *testing.T, a, b *end) {
			hole, err := net.Listen("tcp", b.at())
			if err != nil {
				t.Fatal(err)
			}
			a.run(t)
			conn, err := hole.Accept() // and no word
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { conn.Close() })
			hole.Close()
		}},
		{"the next one is due later", func(t *testing.T, a, _ *end) {
			a.run(t)
			eventually(t, "it has been tried in vain for a while", func() bool {
				v := a.Views()["lb2"]
				return !v.Reachable && !v.Since.IsZero() && time.Since(v.Since) > 7*time.Second
			})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a, b := pair(t)
			c.away(t, a, b)
			b.run(t)
			eventually(t, "lb2 reaches lb1", func() bool { return b.reaches("lb1") })
			begin := time.Now()
			eventually(t, "lb1 reaches lb2", func() bool { return a.reaches("lb2") })
			if d := time.Since(begin); d > time.Second {
				t.Errorf("lb2 was back for %v until lb1 saw it", d)
			}
		})
	}
}

// TestMeet: who connects over and over neither causes more than one attempt in its
// stead nor keeps the view from becoming true.
func TestMeet(t *testing.T) {
	a, b := pair(t)
	hole, err := net.Listen("tcp", b.at()) // takes connections, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer hole.Close()
	a.run(t)
	eventually(t, "lb2 is missed", func() bool {
		a.meet("lb2")
		v := a.Views()["lb2"]
		return !v.Reachable && v.Cause != "not tried yet"
	})
}

// TestAnotherPath: of several addresses of a director the first that answers is used.
func TestAnotherPath(t *testing.T) {
	a, b := pair(t)
	a.clients["lb2"].other.Addresses = append([]netip.Addr{netip.MustParseAddr("127.0.0.77")}, b.cfg.Self.Addresses...)
	a.run(t)
	b.run(t)
	eventually(t, "lb1 reaches lb2", func() bool { return a.reaches("lb2") })
}

// stranger connects with settings of its own and tells what came of a request.
func stranger(t *testing.T, at string, cfg *tls.Config) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	d := tls.Dialer{Config: cfg}
	c, err := d.DialContext(ctx, "tcp", at)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", pathBeat); err != nil {
		return err
	}
	b := make([]byte, 1)
	_, err = c.Read(b) // with TLS 1.3 a refusal comes after the client's part of the handshake
	return err
}

// TestStrangers: whoever has not the right key gets no answer, is counted, and keeps
// nobody out.
func TestStrangers(t *testing.T) {
	a, b := pair(t)
	b.run(t)
	_, wrong, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	unknown, err := certificate(wrong)
	if err != nil {
		t.Fatal(err)
	}
	right, err := certificate(a.cfg.Key)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "it listens", func() bool {
		c, err := net.Dial("tcp", b.at())
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	for _, c := range []struct {
		name, counted string
		cfg           *tls.Config
	}{
		{"another key", refusedStranger, &tls.Config{Certificates: []tls.Certificate{unknown}, MinVersion: tls.VersionTLS13}},
		{"no key", refusedHandshake, &tls.Config{MinVersion: tls.VersionTLS13}},
		{"TLS 1.2", refusedHandshake, &tls.Config{Certificates: []tls.Certificate{right}, MaxVersion: tls.VersionTLS12}},
		{"its own key back", refusedStranger, nil},
	} {
		cfg := c.cfg
		if cfg == nil {
			own, err := certificate(b.cfg.Key)
			if err != nil {
				t.Fatal(err)
			}
			cfg = &tls.Config{Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS13}
		}
		cfg.InsecureSkipVerify = true
		before := b.Refused()[c.counted]
		if err := stranger(t, b.at(), cfg); err == nil {
			t.Errorf("%s: it was answered", c.name)
		}
		eventually(t, c.name+" is counted", func() bool { return b.Refused()[c.counted] > before })
	}
	before := b.Refused()[refusedHandshake]
	c, err := net.Dial("tcp", b.at())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, c)
	c.Close()
	eventually(t, "garbage is counted", func() bool { return b.Refused()[refusedHandshake] > before })
	a.run(t)
	eventually(t, "lb1 gets in", func() bool { return a.reaches("lb2") })
}

// TestHalfOpen: connections that say nothing take their own places only, and are gone
// after the time of a handshake.
func TestHalfOpen(t *testing.T) {
	a, b := pair(t)
	b.run(t)
	from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 99)}}
	var open []net.Conn
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	eventually(t, "ten times as many as have room are turned away", func() bool {
		if c, err := from.Dial("tcp", b.at()); err == nil {
			open = append(open, c)
		}
		return len(open) >= 10*maxStrangers
	})
	eventually(t, "those without room are counted", func() bool { return b.Refused()[refusedBusy] >= 8*maxStrangers })
	a.run(t)
	eventually(t, "lb1 gets in meanwhile", func() bool { return a.reaches("lb2") })
	eventually(t, "the silent ones are gone", func() bool { return b.Refused()[refusedHandshake] >= maxStrangers })
}

// TestBounds: neither a request nor an answer may be of any size, and a director that
// sends one is refused like anybody.
func TestBounds(t *testing.T) {
	a, b := pair(t)
	a.run(t)
	b.run(t)
	eventually(t, "lb1 reaches lb2", func() bool { return a.reaches("lb2") })
	c := a.clients["lb2"]
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://x"+pathWords, endless{})
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := c.http.Do(req); err == nil {
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("an endless request is answered %s", resp.Status)
		}
		resp.Body.Close()
	}
	for _, body := range []string{"", "{", "null", `{"overrides":[{"kind":1}]}`, `{"overrides":[[[[[]]]]]}`, strings.Repeat("[", 100_000)} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://x"+pathWords, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := c.http.Do(req)
		if err != nil {
			t.Fatalf("%.20q: %v", body, err)
		}
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%.20q is answered %s", body, resp.Status)
		}
		resp.Body.Close()
	}
	b.fake.big = 2 * maxBeat
	var beat Beat
	if err := c.ask(t.Context(), http.MethodGet, pathBeat, nil, &beat, maxBeat); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("a large beat: %v", err)
	}
}

// endless is a request that does not end.
type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = ' '
	}
	return len(b), nil
}

func TestWrongKeyOfOurs(t *testing.T) {
	a, b := pair(t)
	cfg := a.cfg
	cfg.Key = b.cfg.Key
	if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), PublicText(b.cfg.Self.Key)) {
		t.Errorf("a key that is not the configuration's: %v", err)
	}
}

// TestView: who was reached is missed after three seconds only, and the reason is kept.
func TestView(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	lost := errors.New("no route to host")
	v := View{Name: "lb2", Cause: "not tried yet"}
	for _, step := range []struct {
		at        int
		err       error
		reachable bool
		since     int
		cause     string
	}{
		{1, lost, false, 1, "no route to host"},
		{2, errors.New("refused"), false, 1, "refused"},
		{3, nil, true, 3, ""},
		{4, nil, true, 3, ""},
		{6, lost, true, 3, ""},
		{7, lost, false, 7, "no route to host"},
		{8, nil, true, 8, ""},
	} {
		v = v.next(at(step.at), Beat{Node: "lb2"}, step.err)
		if v.Reachable != step.reachable || !v.Since.Equal(at(step.since)) || v.Cause != step.cause {
			t.Errorf("at %d s: %+v", step.at, v)
		}
	}
}

func TestKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "node.key")
	key, made, err := MakeKey(path)
	if err != nil || !made {
		t.Fatalf("%v, %v", made, err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode() != 0o600 {
		t.Errorf("%v, %v", st.Mode(), err)
	}
	again, made, err := MakeKey(path)
	if err != nil || made || !again.Equal(key) {
		t.Errorf("a second time: made %v, %v", made, err)
	}
	public, ok := key.Public().(ed25519.PublicKey)
	if !ok {
		t.Fatal("no public key")
	}
	if back, err := ParsePublic(PublicText(public)); err != nil || !back.Equal(public) {
		t.Errorf("%v", err)
	}
	for _, text := range []string{"", "x", PublicText(public)[1:], PublicText(public) + "\n", "not base64 at all, but as long as a key is...="} {
		if _, err := ParsePublic(text); err == nil {
			t.Errorf("%q is taken for a public key", text)
		}
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadKey(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key that others may read: %v", err)
	}
	for _, text := range []string{"", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "x"} {
		bad := filepath.Join(t.TempDir(), "bad.key")
		if err := os.WriteFile(bad, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, made, err := MakeKey(bad); err == nil || made {
			t.Errorf("%q: made %v, %v", text, made, err)
		}
	}
	if _, _, err := MakeKey(filepath.Join(t.TempDir(), "no", "node.key")); err == nil {
		t.Error("no folder, no error")
	}
}

// TestNobodyIsServedAfterTheEnd: a connection that was kept open is closed when the
// server ends, whichever of the two that end it is first.
func TestNobodyIsServedAfterTheEnd(t *testing.T) {
	a, _ := pair(t)
	for range 300 {
		s := newServer(a.cfg, a.own, a.refused)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.serve(ctx) }()
		ours, theirs := net.Pipe()
		s.proven <- theirs
		if _, err := io.WriteString(ours, "GET "+pathBeat+" HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		r := bufio.NewReader(ours)
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			t.Fatal(err)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		_ = ours.SetReadDeadline(time.Now().Add(5 * time.Second))
		if _, err := r.ReadByte(); !errors.Is(err, io.EOF) {
			t.Fatalf("after the end: %v", err)
		}
		ours.Close()
	}
}
