package state

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"failover/vrrp"
)

func openPage(t *testing.T, path, boot string) *Page {
	t.Helper()
	p, err := OpenPage(path, boot)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func assign(t *testing.T, p *Page, groups ...string) {
	t.Helper()
	if err := p.Assign(groups); err != nil {
		t.Fatal(err)
	}
}

func TestPageHandsRecordsToTheNextProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "page")
	p := openPage(t, path, thisBoot)
	if got := p.Load(); len(got) != 0 {
		t.Fatalf("a new page holds %v", got)
	}
	assign(t, p, "nat", "web", strings.Repeat("x", MaxGroupName))
	p.Record("nat", vrrp.Record{Master: true, LastAdvert: 12_345_678_901})
	p.Record("unassigned", vrrp.Record{Master: true})
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	p.Record("nat", vrrp.Record{}) // after Close: keeps nothing, breaks nothing

	q := openPage(t, path, thisBoot)
	want := map[string]vrrp.Record{
		"nat": {Master: true, LastAdvert: 12_345_678_901}, "web": {}, strings.Repeat("x", MaxGroupName): {},
	}
	if got := q.Load(); !reflect.DeepEqual(got, want) {
		t.Errorf("the next process finds %v, want %v", got, want)
	}
	q.Record("nat", vrrp.Record{Master: true, LastAdvert: 1})
	if got := q.Load(); !reflect.DeepEqual(got, want) {
		t.Errorf("Load after a Record gives %v, want what the previous process left: %v", got, want)
	}
}

func TestPageOfAnEarlierBootIsEmpty(t *testing.T) {
	path := filepath.Join(t.TempDir(), "page")
	p := openPage(t, path, thisBoot)
	assign(t, p, "nat")
	p.Record("nat", vrrp.Record{Master: true, LastAdvert: 1})
	next := openPage(t, path, strings.Repeat("0", bootIDLen))
	if got := next.Load(); len(got) != 0 {
		t.Errorf("after a reboot the page holds %v", got)
	}
}

func TestPageGrowsAndKeepsRecords(t *testing.T) {
	path := filepath.Join(t.TempDir(), "page")
	p := openPage(t, path, thisBoot)
	assign(t, p, "first", "gone")
	p.Record("first", vrrp.Record{Master: true, LastAdvert: 7})
	p.Record("gone", vrrp.Record{Master: true, LastAdvert: 8})
	groups := []string{"first"}
	for n := range 500 { // more than several memory pages
		groups = append(groups, fmt.Sprintf("g%d", n))
	}
	assign(t, p, groups...)
	p.Record("g499", vrrp.Record{Master: true, LastAdvert: 9})
	got := openPage(t, path, thisBoot).Load()
	if len(got) != len(groups) {
		t.Errorf("%d groups found, want %d", len(got), len(groups))
	}
	if got["first"].LastAdvert != 7 || got["g499"].LastAdvert != 9 {
		t.Errorf("records %v and %v did not outlive the growth", got["first"], got["g499"])
	}
	if r, there := got["gone"]; there {
		t.Errorf("the group no longer assigned is still there: %v", r)
	}
	if got["g0"] != (vrrp.Record{}) {
		t.Errorf("a group that got a used place inherits %v", got["g0"])
	}
}

func TestPageRefusesWhatIsNoPage(t *testing.T) {
	whole := func(change func([]byte)) []byte {
		path := filepath.Join(t.TempDir(), "page")
		p := openPage(t, path, thisBoot)
		assign(t, p, "nat")
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		change(b)
		return b
	}
	for name, content := range map[string][]byte{
		"text":          []byte("hello"),
		"text, long":    bytes.Repeat([]byte("hello wo"), 512),
		"cut":           whole(func([]byte) {})[:1000],
		"later version": whole(func(b []byte) { b[8] = 2 }),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "page")
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := OpenPage(path, thisBoot); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), path) {
				t.Fatalf("error %v, want ErrCorrupt that names %s", err, path)
			}
			if got := openPage(t, path, thisBoot).Load(); len(got) != 0 {
				t.Errorf("second attempt finds %v", got)
			}
		})
	}
}

func TestPageRefusesNamesWithoutRoom(t *testing.T) {
	p := openPage(t, filepath.Join(t.TempDir(), "page"), thisBoot)
	for _, name := range []string{"", strings.Repeat("x", MaxGroupName+1)} {
		if err := p.Assign([]string{name}); err == nil {
			t.Errorf("a name of %d bytes was taken", len(name))
		}
	}
}

func TestRecordWord(t *testing.T) {
	for _, r := range []vrrp.Record{
		{}, {Master: true}, {LastAdvert: 1}, {Master: true, LastAdvert: maxInstant},
	} {
		if got := unpack(pack(r)); got != r {
			t.Errorf("unpack(pack(%v)) = %v", r, got)
		}
	}
	if got := unpack(pack(vrrp.Record{LastAdvert: math.MaxInt64})); got.LastAdvert != maxInstant {
		t.Errorf("a time out of range became %v", got.LastAdvert)
	}
	if got := unpack(pack(vrrp.Record{LastAdvert: -1})); got.LastAdvert != 0 {
		t.Errorf("a negative time became %v", got.LastAdvert)
	}
}

func TestRecordDoesNotAllocate(t *testing.T) {
	p := openPage(t, filepath.Join(t.TempDir(), "page"), thisBoot)
	assign(t, p, "nat")
	if n := testing.AllocsPerRun(100, func() { p.Record("nat", vrrp.Record{Master: true, LastAdvert: 5}) }); n != 0 {
		t.Errorf("%v allocations per Record", n)
	}
}

// TestPageOutlivesAKill lets a child process record as fast as it can, kills it,
// and reads: the last record that the child spoke of is there, or a later one.
func TestPageOutlivesAKill(t *testing.T) {
	if path := os.Getenv("STATE_TEST_PAGE"); path != "" {
		recordUntilKilled(t, path)
	}
	path := filepath.Join(t.TempDir(), "page")
	child := exec.Command(os.Args[0], "-test.run=^TestPageOutlivesAKill$")
	child.Env = append(os.Environ(), "STATE_TEST_PAGE="+path)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var said vrrp.Instant
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if _, err := fmt.Sscanf(lines.Text(), "recorded %d", &said); err != nil {
			t.Fatalf("the child says %q: %v", lines.Text(), err)
		}
		if said >= 100_000 {
			break
		}
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := child.Wait(); err == nil {
		t.Fatal("the child ended by itself")
	}
	r := openPage(t, path, thisBoot).Load()["nat"]
	if r.LastAdvert < said || r.Master != (r.LastAdvert%2 == 1) {
		t.Errorf("found %+v, want at least %d, master where that is odd", r, said)
	}
}

// recordUntilKilled is the child of TestPageOutlivesAKill.
func recordUntilKilled(t *testing.T, path string) {
	p, err := OpenPage(path, thisBoot)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Assign([]string{"nat"}); err != nil {
		t.Fatal(err)
	}
	for n := vrrp.Instant(1); ; n++ {
		p.Record("nat", vrrp.Record{Master: n%2 == 1, LastAdvert: n})
		if n%10_000 == 0 {
			fmt.Printf("recorded %d\n", n)
		}
	}
}
