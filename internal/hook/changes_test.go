package hook

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// standing reads "web/web1 up web down": names and states.
func standing(text string) (all []Standing) {
	words := strings.Fields(text)
	for i := 0; i < len(words); i += 2 {
		all = append(all, Standing{Name: words[i], State: strings.TrimPrefix(words[i+1], "?")})
	}
	return all
}

// TestChanges goes through steps: "hear …", or "tell", which takes one and notes
// it, with what that must be.
func TestChanges(t *testing.T) {
	for _, c := range []struct {
		name    string
		told    map[string]string
		steps   []string
		dropped uint64
	}{
		{"in the order of the file, then nothing", nil, []string{
			"hear a up b down", "tell a unknown up", "tell b unknown down", "tell", "hear a up b down", "tell"}, 0},
		{"in the order of change", nil, []string{
			"hear a ? b down", "hear a up b down", "tell b unknown down", "tell a unknown up"}, 0},
		{"a restart tells what is new", map[string]string{"a": "up", "b": "up"}, []string{
			"hear a up b down", "tell b up down", "tell"}, 0},
		{"the last state wins", map[string]string{"a": "up"}, []string{
			"hear a down", "hear a up", "tell", "hear a down", "tell a up down"}, 1},
		{"what is not known yet is waited for", map[string]string{"a": "up"}, []string{
			"hear a ?", "tell", "hear a down", "tell a up down", "hear a ?", "tell", "hear a down", "tell"}, 0},
		{"what is gone is forgotten", map[string]string{"a": "up"}, []string{
			"hear a down b up", "hear b up", "tell b unknown up", "tell", "hear b up a up", "tell a unknown up"}, 0},
		{"back while it is told", map[string]string{"a": "up"}, []string{
			"hear a down", "take a up down", "hear a up", "done a down", "tell a down up", "tell"}, 0},
		{"there and back while it is told", map[string]string{"a": "up"}, []string{
			"hear a down", "take a up down", "hear a up", "hear a down", "done a down", "tell"}, 1},
	} {
		ch := newChanges(c.told)
		for i, step := range c.steps {
			verb, rest, _ := strings.Cut(step, " ")
			switch verb {
			case "hear":
				ch.hear(standing(rest))
				continue
			case "done":
				ch.done(standing(rest)[0])
				continue
			}
			got := ""
			s, old, ok := ch.take()
			if ok {
				got = fmt.Sprintf("%s %s %s", s.Name, old, s.State)
			}
			if ok && verb == "tell" {
				ch.done(s)
			}
			if got != rest {
				t.Errorf("%s: step %d, %s: %q", c.name, i, step, got)
			}
		}
		if ch.dropped != c.dropped {
			t.Errorf("%s: %d dropped, want %d", c.name, ch.dropped, c.dropped)
		}
	}
}

func TestOfServer(t *testing.T) {
	told := map[string]string{"web": "up", "web/a": "up", "web2": "up", "web2/a": "up", "we": "up"}
	var names []string
	for name := range ofServer(told, "web") {
		names = append(names, name)
	}
	slices.Sort(names)
	if !slices.Equal(names, []string{"web", "web/a"}) {
		t.Errorf("got %v", names)
	}
}
