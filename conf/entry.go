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
	elem  int    // of an element its number, from 1; 0: none
	spec  *Key   // nil for the file itself
	at    *place
	set   bool // written in the file
	bad   bool
	value any      // string, bool, int64, time.Duration, netip.Addr, …
	items []*entry // of a list
	table bool     // it was written as a table with keys of the schema
	kids  []*entry // by the keys of its section, where they were read or asked for
	order []*entry // of a table by name, by director, or of strings
	per   bool     // the value is a table by director, in order
}

// path is the key as errors give it: virtual_server.web.real_server[1].weight.
// Elements are counted from 0.
func (e *entry) path() string {
	var parts []string
	for ; e.up != nil; e = e.up {
		if e.elem > 0 {
			parts = append(parts, "["+strconv.Itoa(e.elem-1)+"]")
			continue
		}
		parts = append(parts, pathName(e.key))
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
	i := e.spec.Section.index(key)
	if e.kids == nil {
		e.kids = make([]*entry, len(e.spec.Section.Keys))
	}
	if k := e.kids[i]; k != nil {
		return k
	}
	k := e.r.entry()
	*k = entry{r: e.r, up: e, key: key, spec: &e.spec.Section.Keys[i], at: e.at}
	e.r.fillDefault(k)
	e.kids[i] = k
	return k
}

// has tells whether a key is written, without making an entry of one that is not.
func (e *entry) has(key string) bool {
	k := e.peek(key)
	return k != nil && k.set
}

// peek is a key's entry where there is one already.
func (e *entry) peek(key string) *entry {
	if e.kids == nil {
		return nil
	}
	return e.kids[e.spec.Section.index(key)]
}

// ok tells whether none of these keys has an error, parts included.
func (e *entry) ok(keys ...string) bool {
	for _, key := range keys {
		// A default is never bad.
		if k := e.peek(key); k != nil && k.anyBad() {
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

// keyVal is the value of a key of a table, its default where it is absent.
func keyVal[T any](e *entry, key string) T {
	if e.peek(key) == nil {
		if v, ok := e.r.values[e.spec.Section.key(key)]; ok {
			t, _ := v.(T)
			return t
		}
	}
	return val[T](e.get(key))
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
