package conf

import (
	"fmt"
	"slices"
	"strings"
)

// ChangeKind tells what happens to an object or to one of its keys.
type ChangeKind string

// The kinds of change, as a plan prints them.
const (
	Added   ChangeKind = "+"
	Changed ChangeKind = "~"
	Removed ChangeKind = "-"
)

// Change is one difference between two configurations of a director, in words.
type Change struct {
	Kind   ChangeKind
	Object string // "virtual_server.web.real_server.web1", "group.nat"
	Key    string // "weight", or "order"; empty where the whole object comes or goes
	// Old and New are the values as the file writes them. Where an object comes or
	// goes, New or Old describes it in brief.
	Old, New string
}

// String gives one line: "~ virtual_server.web.real_server.web1.weight: 1 → 3".
func (c Change) String() string {
	switch c.Kind {
	case Added:
		return fmt.Sprintf("+ %s: %s", c.Object, c.New)
	case Removed:
		return fmt.Sprintf("- %s: %s", c.Object, c.Old)
	}
	return fmt.Sprintf("~ %s.%s: %s → %s", c.Object, c.Key, orNothing(c.Old), orNothing(c.New))
}

func orNothing(s string) string {
	if s == "" {
		return "(none)"
	}
	return s
}

// Diff tells what changes for a director from one configuration to another, kind
// by kind in the order of the new file, what goes first. It is empty when the
// director would do exactly the same; comments, layout and written-out defaults
// do not count.
func Diff(old, new Node) []Change {
	same := sameTables(old.Servers, new.Servers)
	return diffListings("", listings(old, same), listings(new, same))
}

// listing is every object of one kind, in the order of the file.
type listing struct {
	kind    string // "virtual_server"
	objects []object
}

// object is a part of the configuration as Diff sees it. Objects of one kind
// have the same fields and listings in the same order.
type object struct {
	name   string // empty for the only one of its kind
	brief  string // what it is, where it comes or goes
	fields []field
	// secrets are compared and never shown.
	secrets []field
	inside  []listing
}

// field is one key and its value in words.
type field struct{ key, value string }

func diffListings(path string, old, new []listing) []Change {
	var list []Change
	for i := range new {
		list = append(list, diffObjects(path+new[i].kind, old[i].objects, new[i].objects)...)
	}
	return list
}

func diffObjects(path string, old, new []object) []Change {
	var list []Change
	before, after := byName(old), byName(new)
	for _, o := range old {
		if after[o.name] == nil {
			list = append(list, Change{Kind: Removed, Object: join(path, o.name), Old: o.brief})
		}
	}
	for _, n := range new {
		o, at := before[n.name], join(path, n.name)
		if o == nil {
			list = append(list, Change{Kind: Added, Object: at, New: n.brief})
			continue
		}
		for i, f := range n.fields {
			if was := o.fields[i].value; was != f.value {
				list = append(list, Change{Kind: Changed, Object: at, Key: f.key, Old: was, New: f.value})
			}
		}
		for i, f := range n.secrets {
			if was := o.secrets[i].value; was != f.value {
				list = append(list, Change{Kind: Changed, Object: at, Key: f.key, Old: hidden(was, "a secret"), New: hidden(f.value, "another secret")})
			}
		}
		list = append(list, diffListings(at+".", o.inside, n.inside)...)
	}
	if o, n := common(old, after), common(new, before); !slices.Equal(o, n) {
		list = append(list, Change{Kind: Changed, Object: path, Key: "order",
			Old: strings.Join(o, ", "), New: strings.Join(n, ", ")})
	}
	return list
}

// hidden stands for a secret; where there is none, that may be said.
func hidden(value, word string) string {
	if value == "" {
		return ""
	}
	return word
}

func join(path, name string) string {
	if name == "" {
		return path
	}
	return path + "." + name
}

func byName(list []object) map[string]*object {
	m := make(map[string]*object, len(list))
	for i := range list {
		m[list[i].name] = &list[i]
	}
	return m
}

// common lists the names that the other side has too.
func common(list []object, other map[string]*object) []string {
	var names []string
	for _, o := range list {
		if other[o.name] != nil {
			names = append(names, o.name)
		}
	}
	return names
}
