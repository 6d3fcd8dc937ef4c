package chaos

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"failover/e2e/compare"
)

// TestSteps: a seed tells all, more steps begin with the fewer, and every kind comes
// before any comes twice.
func TestSteps(t *testing.T) {
	a, b := Steps(7, 200), Steps(7, 60)
	if !slices.Equal(a[:60], b) || !slices.Equal(a, Steps(7, 200)) {
		t.Error("a seed gives other steps another time")
	}
	if slices.Equal(a, Steps(8, 200)) {
		t.Error("two seeds give the same steps")
	}
	seen := map[Kind]int{}
	hits := map[Hit]bool{}
	for i, s := range a {
		spec, ok := SpecOf(s.Kind)
		if !ok || !slices.Contains(spec.Hits, s.Hit) || s.Lasts < spec.Least || s.Lasts > spec.Most || s.Amount < spec.Low || s.Amount > spec.High {
			t.Errorf("%v is not as %+v", s, spec)
		}
		if s.Number != i+1 || !strings.Contains(s.String(), string(s.Kind)) {
			t.Errorf("step %d is %v", i+1, s)
		}
		seen[s.Kind]++
		hits[s.Hit] = true
		if i+1 == len(Kinds) && len(seen) != len(Kinds) {
			t.Errorf("%d kinds in the first %d steps", len(seen), i+1)
		}
	}
	if len(hits) != 5 {
		t.Errorf("what is hit: %v", hits)
	}
}

func readPage(t *testing.T) []byte {
	t.Helper()
	page, err := os.ReadFile("../../docs/chaos.md")
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// TestPromises: the documented table says something of every step, once.
func TestPromises(t *testing.T) {
	list, err := Promises(strings.NewReader(string(readPage(t))))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range Steps(1, 2*len(Kinds)) {
		if p := For(list, s); p.Kind != s.Kind {
			t.Errorf("%v is promised %+v", s, p)
		}
	}
}

func TestBadPromises(t *testing.T) {
	page := string(readPage(t))
	for name, change := range map[string][2]string{
		"a row is missing":  {"\n| stop |", "\n\n| stop |"},
		"no kind of step":   {"| stop |", "| stroll |"},
		"hits nothing":      {"| stop | any |", "| stop | web1 |"},
		"no such addresses": {"| stop | any | other |", "| stop | any | others |"},
	} {
		if !strings.Contains(page, change[0]) {
			t.Fatalf("%s: the table has no %q", name, change[0])
		}
		if _, err := Promises(strings.NewReader(strings.Replace(page, change[0], change[1], 1))); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func at(seconds float64) time.Time {
	return time.Unix(1000, 0).Add(time.Duration(seconds * float64(time.Second)))
}

// played are a step that may lose nothing, one that kills web1 and one that may lose
// what is in flight.
func played() []Played {
	return []Played{
		{Step{Number: 1, Kind: Reload, Hit: Pair}, Promise{Requests: None, Held: None}, at(0), at(2)},
		{Step{Number: 2, Kind: WebDies, Hit: Web1}, Promise{Requests: Meanwhile, Held: Its}, at(2), at(4)},
		{Step{Number: 3, Kind: CutLinks, Hit: Master}, Promise{Requests: InFlight, Held: None}, at(4), at(8)},
	}
}

func TestJudgeRequests(t *testing.T) {
	spans := []Span{
		{at(-1), at(-0.5), true},   // before it all
		{at(0.1), at(0.2), false},  // answered
		{at(0.5), at(0.7), true},   // lost against the promise
		{at(1.9), at(2.5), true},   // of the next step
		{at(4.1), at(4.2), false},  //
		{at(4.25), at(14.2), true}, //
	}
	for range MostInFlight {
		spans = append(spans, Span{at(4.5), at(14.5), true})
	}
	o := Judge(played(), spans, nil)
	for i, want := range []Outcome{{Requests: 3, Failed: 1, FailedExcess: 1}, {Failed: 1}, {Requests: 2 + MostInFlight, Failed: 1 + MostInFlight, FailedExcess: 1}} {
		if o[i].Requests != want.Requests || o[i].Failed != want.Failed || o[i].FailedExcess != want.FailedExcess {
			t.Errorf("step %d: %d requests, %d failed, %d too many; want %d, %d, %d", i+1,
				o[i].Requests, o[i].Failed, o[i].FailedExcess, want.Requests, want.Failed, want.FailedExcess)
		}
	}
	if o[0].Gap != 1800*time.Millisecond || o[1].Gap != 2*time.Second || o[2].Gap != 3800*time.Millisecond {
		t.Errorf("gaps %v %v %v", o[0].Gap, o[1].Gap, o[2].Gap)
	}
}

func TestJudgeConnections(t *testing.T) {
	conns := []Conn{
		{Server: "web1", Opened: at(-9), LastUse: at(9)},
		{Server: "web1", Opened: at(-9), LastUse: at(2.1), Broken: true, Broke: at(2.5)}, // its own
		{Server: "web2", Opened: at(-9), LastUse: at(2.1), Broken: true, Broke: at(2.5)}, // another one's
		{Server: "web2", Opened: at(1), LastUse: at(2.1), Broken: true, Broke: at(2.5)},  // too young
		{Server: "web1", Opened: at(-9), LastUse: at(1.9), Broken: true, Broke: at(2.6)}, // of the next step
		{Server: "web2", Opened: at(-9), LastUse: at(5), Broken: true, Broke: at(30)},    // by patience
	}
	o := Judge(played(), nil, conns)
	for i, want := range []Outcome{{Held: 5}, {Held: 5, Broken: 2}, {Held: 2, Broken: 1, BrokenExcess: 1}} {
		if i == 1 {
			want.Broken, want.BrokenExcess = 3, 1
		}
		if o[i].Held != want.Held || o[i].Broken != want.Broken || o[i].BrokenExcess != want.BrokenExcess {
			t.Errorf("step %d: %d held, %d broken, %d too many; want %d, %d, %d", i+1,
				o[i].Held, o[i].Broken, o[i].BrokenExcess, want.Held, want.Broken, want.BrokenExcess)
		}
	}
}

// TestReport: the sums of two seeds on two systems stand in the page, and the rest of
// it is as it was.
func TestReport(t *testing.T) {
	var rows []compare.Row
	for seed, system := range map[uint64]string{3: "failover", 4: "keepalived"} {
		o := Outcome{Played: Played{Step: Step{Kind: Stop}}, Requests: 10, Failed: int(seed), Held: 20, Broken: 1, Gap: 1500 * time.Millisecond}
		leg := Leg(seed, system, 100*time.Millisecond)
		rows = append(rows, o.Row(leg, system == "keepalived"), o.Row(leg, false))
	}
	slices.SortFunc(rows, func(a, b compare.Row) int { return strings.Compare(a.System, b.System) })
	page := readPage(t)
	text, err := Write(page, rows)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| stop | failover | 2 | 20 | 6 | 40 | 2 | 1.50 s | 0 |\n", "| stop | keepalived | 2 | 20 | 8 | 40 | 2 | 1.50 s | 1 |\n",
		"| reload | failover | – |", "| all | failover | 2 | 20 | 6 | 40 | 2 | 1.50 s | 0 |\n", "- seeds: 3, 4\n",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no line %q in\n%s", want, text)
		}
	}
	again, err := Write(text, rows)
	if err != nil || string(again) != string(text) {
		t.Errorf("written twice it is another page (%v)", err)
	}
	if _, err := Promises(strings.NewReader(string(text))); err != nil {
		t.Error(err)
	}
	for name, bad := range map[string]string{"no marks": "text", "no end": resultsBegin + "\n"} {
		if _, err := Write([]byte(bad), rows); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := Write(page, nil); err == nil {
		t.Error("no results, no error")
	}
	var table strings.Builder
	if err := Print(&table, rows); err != nil || strings.Count(table.String(), "\n") != 1+2*(len(Kinds)+1) {
		t.Errorf("%v\n%s", err, table.String())
	}
}
