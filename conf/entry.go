package conf

import (
	"strconv"
	"strings"
)

// entry is one key of the file, or one element of its list, after reading: its
// value has the type and the range of the schema, or it is bad, and then the
// error is reported already.
type entry struct {
	r     *reader
	up    *entry
	key   string // as written, without quotes: "vrid"; empty for an element
	name  string // as a path shows it: "vrid", or "[2]" for an element
	spec  *Key   // nil for the file itself
	at    *place
	set   bool // written in the file
	bad   bool
	value any               // string, bool, int64, time.Duration, netip.Addr, …
	items []*entry          // of a list
	kids  map[string]*entry // of a table
	order []*entry          // of a table by name, by director, or of strings
	per   bool              // the value is a table by director, in order
}

// path is the key as errors give it: virtual_server.web.real_server[1].weight.
// Elements are counted from 0.
func (e *entry) path() string {
	var parts []string
	for ; e != nil && e.name != ""; e = e.up {
		parts = append(parts, e.name)
	}
	var b strings.Builder
	for i := len(parts) - 1; i >= 0; i-- {
		if b.Len() > 0 && !strings.HasPrefix(parts[i], "[") {
			b.WriteByte('.')
		}
		b.WriteString(parts[i])
	}
	return b.String()
}

// pathName quotes a name as TOML would want it.
func pathName(s string) string {
	if s != "" && only(s, letters+digits+"-_") {
		return s
	}
	return strconv.Quote(s)
}

// get returns a key of a table, with its default where the file is silent. A
// default stands where its table stands. An absent key without a default has no
// value and is not set.
func (e *entry) get(key string) *entry {
	if k, ok := e.kids[key]; ok {
		return k
	}
	spec := e.spec.Section.key(key)
	k := &entry{r: e.r, up: e, key: key, name: key, spec: spec, at: e.at}
	e.r.fillDefault(k)
	if e.kids == nil {
		e.kids = map[string]*entry{}
	}
	e.kids[key] = k
	return k
}

// ok tells whether none of these keys has an error, parts included.
func (e *entry) ok(keys ...string) bool {
	for _, key := range keys {
		if e.get(key).anyBad() {
			return false
		}
	}
	return true
}

func (e *entry) anyBad() bool {
	if e.bad {
		return true
	}
	for _, list := range [][]*entry{e.items, e.order} {
		for _, i := range list {
			if i.anyBad() {
				return true
			}
		}
	}
	return false
}

// forDirector is the entry that speaks for one director: its own in a table by
// director, else the key itself.
func (e *entry) forDirector(name string) *entry {
	for _, o := range e.order {
		if e.per && o.key == name {
			return o
		}
	}
	return e
}

// val is an entry's value, or the zero value where it is bad or absent.
func val[T any](e *entry) T {
	v, _ := e.value.(T)
	return v
}

// vals are the values of a list's good elements.
func vals[T any](e *entry) []T {
	var list []T
	for _, i := range e.items {
		if v, ok := i.value.(T); ok {
			list = append(list, v)
		}
	}
	return list
}
