package hook

import (
	"maps"
	"slices"
)

// Standing is how something stands whose changes a program is told of: a virtual
// server's quorum, or a real server.
type Standing struct {
	Name   string // "web", "web/web1"
	State  string // up | down; empty: nothing is known of it yet
	Weight int    // that the program is told with it
	Reason string // for people, in one line
}

// unknown is the state before the first.
const unknown = "unknown"

// changes decides what the program of one virtual server is told. It is a plain
// value that knows no time and runs nothing: what differs from what was told
// waits, in the order in which it changed, and the newest state wins.
type changes struct {
	told    map[string]string // state by name
	newest  map[string]Standing
	waiting []string
	telling Standing // that has been taken and not noted as told
	dropped uint64   // states that were over before they were told
}

func newChanges(told map[string]string) changes {
	c := changes{told: map[string]string{}, newest: map[string]Standing{}}
	for name, state := range told {
		c.told[name] = state
	}
	return c
}

// hear takes in how everything stands, the whole of it; true: there is something to
// tell. What is not in it any more is forgotten.
func (c *changes) hear(all []Standing) bool {
	newest := make(map[string]Standing, len(all))
	there := make(map[string]bool, len(all))
	for _, s := range all {
		there[s.Name] = true
		was, heard := c.newest[s.Name]
		switch {
		case s.State == "":
			if heard {
				newest[s.Name] = was
			}
			continue
		case heard && was.State == s.State:
		default:
			if c.remove(s.Name) {
				c.dropped++
			}
			if s.State != c.last(s.Name) {
				c.waiting = append(c.waiting, s.Name)
			}
		}
		newest[s.Name] = s
	}
	gone := func(name string) bool { return !there[name] }
	c.waiting = slices.DeleteFunc(c.waiting, gone)
	maps.DeleteFunc(c.told, func(name, _ string) bool { return gone(name) })
	c.newest = newest
	return len(c.waiting) > 0
}

// last is the state that was told last, or is being told.
func (c *changes) last(name string) string {
	if c.telling.Name == name {
		return c.telling.State
	}
	return c.told[name]
}

// remove takes a name out of what waits; false: it was not there.
func (c *changes) remove(name string) bool {
	i := slices.Index(c.waiting, name)
	if i >= 0 {
		c.waiting = slices.Delete(c.waiting, i, i+1)
	}
	return i >= 0
}

// take takes what waits longest, and what was told of it last.
func (c *changes) take() (s Standing, old string, ok bool) {
	if len(c.waiting) == 0 {
		return Standing{}, "", false
	}
	name := c.waiting[0]
	c.waiting = c.waiting[1:]
	if old, ok = c.told[name]; !ok {
		old = unknown
	}
	c.telling = c.newest[name]
	return c.telling, old, true
}

// done notes that it has been told. What has changed meanwhile waits already.
func (c *changes) done(s Standing) {
	c.told[s.Name], c.telling = s.State, Standing{}
}
