package vagrant

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// here is a client's program at work in this process.
func here(t *testing.T, services []Service) *Load {
	t.Helper()
	orders, in := io.Pipe()
	out, answers := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- ServeLoad(orders, answers) }()
	t.Cleanup(func() {
		in.Close()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return &Load{services: services, in: in, out: json.NewDecoder(out), begin: time.Now()}
}

// TestLoad: what a client sees of a web server that works, and then hangs up on
// everybody.
func TestLoad(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "web1") }))
	defer web.Close()
	address := strings.TrimPrefix(web.URL, "http://")
	p := here(t, []Service{{Name: "nat", Address: address, Every: 10 * time.Millisecond, Held: 2}})

	ports, err := p.Hold()
	if err != nil || len(ports) != 2 {
		t.Fatalf("held ports %v: %v", ports, err)
	}
	if err := p.Stream(); err != nil {
		t.Fatal(err)
	}
	since, err := p.Now()
	if err != nil {
		t.Fatal(err)
	}
	served := func() (bool, error) { return p.Served(since, 5) }
	if err := Eventually(t.Context(), "served", served); err != nil {
		t.Fatal(err)
	}
	all, err := p.End()
	if err != nil {
		t.Fatal(err)
	}
	o := all["nat"]
	if s := o.Sums(); s.Requests < 5 || s.Failed != 0 || s.Held != 2 || s.Broken != 0 || s.Gap <= 0 {
		t.Errorf("a web server that works: %+v\n%v\n%v", s, o.Requests, o.Held)
	}
	if o.Requests[0].Server != "web1" || o.Held[0].Server != "web1" {
		t.Errorf("answered by %q and %q", o.Requests[0].Server, o.Held[0].Server)
	}

	if err := p.Stream(); err != nil {
		t.Fatal(err)
	}
	web.Close()
	if err := Eventually(t.Context(), "broken, and refused", func() (bool, error) {
		_, err := p.Hold()
		return err != nil && strings.Contains(err.Error(), "refused"), nil
	}); err != nil {
		t.Fatal(err)
	}
	if all, err = p.End(); err != nil {
		t.Fatal(err)
	}
	if s := all["nat"].Sums(); s.Failed == 0 {
		t.Errorf("a web server that is gone: %+v", s)
	}
}

// TestLoadRefuses: an order that nobody knows is answered with an error, and the next
// one as ever.
func TestLoadRefuses(t *testing.T) {
	p := here(t, nil)
	if _, err := p.tell(order{Do: "sing"}); err == nil || !strings.Contains(err.Error(), `"sing"`) {
		t.Errorf("an unknown order: %v", err)
	}
	if _, err := p.Now(); err != nil {
		t.Error(err)
	}
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := silent.Addr().String()
	silent.Close()
	p.services = []Service{{Name: "nat", Address: address, Every: time.Second, Held: 1}}
	if _, err := p.Hold(); err == nil || !strings.Contains(err.Error(), "nat: ") {
		t.Errorf("a service that is not there: %v", err)
	}
}
