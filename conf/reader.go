package conf

import (
	"fmt"
	"time"

	"github.com/BurntSushi/toml"
)

// reader goes through the decoded file along the schema. What the schema does
// not know is an unknown key; every error is kept, with its place.
type reader struct {
	src      *source
	errs     Errors
	warnings Errors
	defaults map[*Key]any // as the decoder gives them
	values   map[*Key]any // as an entry has them, of single values
	slab     []entry
}

// entry is a new one. A large file has a hundred thousand, so they are made by the
// hundred.
func (r *reader) entry() *entry {
	if len(r.slab) == 0 {
		r.slab = make([]entry, 256)
	}
	e := &r.slab[0]
	r.slab = r.slab[1:]
	return e
}

// fail reports an error at an entry's value and marks it bad.
func (r *reader) fail(e *entry, hint, format string, args ...any) {
	e.bad = true
	r.report(e.at.val, e.path(), hint, fmt.Sprintf(format, args...))
}

// failKey reports an error at the key itself, where the value is not to blame.
func (r *reader) failKey(e *entry, hint, format string, args ...any) {
	e.bad = true
	r.report(e.at.key, e.path(), hint, fmt.Sprintf(format, args...))
}

// contradict reports an error at a value that is fine in itself, but not beside
// another one. What else can be said of it is still said.
func (r *reader) contradict(e *entry, hint, format string, args ...any) {
	r.report(e.at.val, e.path(), hint, fmt.Sprintf(format, args...))
}

func (r *reader) report(offset int, key, hint, message string) {
	line, col := r.src.position(offset)
	r.errs = append(r.errs, Error{File: r.src.name, Line: line, Col: col,
		Key: printable(key), Message: printable(message), Hint: printable(hint)})
}

// table reads the keys of one table.
func (r *reader) table(e *entry, m map[string]any) {
	s := e.spec.Section
	e.table, e.kids = true, make([]*entry, len(s.Keys))
	for j, key := range e.at.keys {
		raw, ok := m[key]
		if !ok {
			continue
		}
		k, i := r.entry(), s.index(key)
		*k = entry{r: r, up: e, key: key, at: e.at.vals[j], set: true}
		if i < 0 {
			r.failKey(k, r.unknownHint(s, key), "unknown key")
			continue
		}
		k.spec, e.kids[i] = &s.Keys[i], k
		r.read(k, raw)
	}
	for i := range s.Keys {
		if s.Keys[i].Required && e.kids[i] == nil {
			r.missing(e.get(s.Keys[i].Name))
		}
	}
}

// missing reports a required key that is not there, at its table.
func (r *reader) missing(e *entry) {
	if s := e.spec.Section; e.spec.opens() {
		r.fail(e, "write "+s.form(e.spec), "is missing")
		return
	}
	r.fail(e, "", "is missing: %s", e.spec.Allowed())
}

func (r *reader) unknownHint(s *Section, key string) string {
	return didYouMean(key, s.names(), "the keys here are")
}

// read checks one key's value against the schema and keeps it.
func (r *reader) read(e *entry, raw any) {
	m, isTable := raw.(map[string]any)
	list, isList := elements(raw)
	switch {
	case e.spec.Arity == Many && e.spec.PerDirector && isTable:
		e.per = true
		r.each(e, m, func(k *entry, raw any) {
			list, isList := elements(raw)
			if !isList {
				r.fail(k, "", "must be a list of %s, not %s", k.spec.plural(), kindOf(raw))
				return
			}
			r.list(k, list)
		})
	case e.spec.Arity == Many && !isList:
		hint := ""
		if s := e.spec.Section; e.spec.opens() {
			hint = "write " + s.form(e.spec)
		}
		r.fail(e, hint, "must be a %s, not %s", e.spec.Allowed(), kindOf(raw))
	case e.spec.Arity != One && isList:
		r.list(e, list)
	case e.spec.Arity == OneOrMany:
		item := r.entry()
		*item = entry{r: r, up: e.up, key: e.key, elem: e.elem, spec: e.spec, at: e.at, set: true}
		r.one(item, raw)
		e.items = []*entry{item}
	case e.spec.PerDirector && isTable:
		e.per = true
		r.each(e, m, r.one)
	default:
		r.one(e, raw)
	}
}

// list reads the elements of a list.
func (r *reader) list(e *entry, list []any) {
	for i, raw := range list {
		at := e.at
		if i < len(e.at.items) {
			at = e.at.items[i]
		}
		item := r.entry()
		*item = entry{r: r, up: e, elem: i + 1, spec: e.spec, at: at, set: true}
		r.one(item, raw)
		e.items = append(e.items, item)
	}
}

// each reads the members of a table whose keys are names.
func (r *reader) each(e *entry, m map[string]any, read func(*entry, any)) {
	for j, key := range e.at.keys {
		raw, ok := m[key]
		if !ok {
			continue
		}
		k := r.entry()
		*k = entry{r: r, up: e, key: key, spec: e.spec, at: e.at.vals[j], set: true}
		e.order = append(e.order, k)
		read(k, raw)
	}
}

// one reads a single value.
func (r *reader) one(e *entry, raw any) {
	m, isTable := raw.(map[string]any)
	switch e.spec.Type {
	case Table, Tables, StringMap:
		if !isTable {
			r.fail(e, "", "must be a %s, not %s", e.spec.Type, kindOf(raw))
			return
		}
	default:
		if e.spec.Type == SecretKey {
			r.secret(e, raw)
			return
		}
		if isTable && e.spec.Section != nil {
			r.table(e, m)
			if e.spec.Type == Bool {
				e.value = true // who writes the details wants it
				return
			}
			e.value, e.bad = e.get("address").value, e.get("address").bad
			return
		}
		r.scalar(e, raw)
		return
	}
	switch e.spec.Type {
	case Table:
		r.table(e, m)
	case StringMap:
		r.each(e, m, r.header)
	case Tables:
		r.each(e, m, func(k *entry, raw any) {
			m, ok := raw.(map[string]any)
			if !ok {
				r.fail(k, "", "must be a table, not %s", kindOf(raw))
				return
			}
			if wrong := name(k.key); wrong != "" {
				r.failKey(k, "", "the name %s", wrong)
			}
			r.table(k, m)
		})
	}
}

// header reads one member of a table of strings.
func (r *reader) header(e *entry, raw any) {
	s, ok := raw.(string)
	switch {
	case !ok:
		r.fail(e, "", "must be a string, not %s", kindOf(raw))
	case hasControl(s):
		r.fail(e, "", "has a control character")
	default:
		e.value = s
	}
	if e.spec.valid != nil {
		if wrong := e.spec.valid(e.key); wrong != "" {
			r.failKey(e, "", "%s", wrong)
		}
	}
}

// fillDefault gives an entry that the file does not have the schema's default.
func (r *reader) fillDefault(e *entry) {
	if e.spec.Default == "" || e.spec.Default == "{}" || e.spec.Default == "[]" {
		return
	}
	if v, ok := r.values[e.spec]; ok {
		e.value = v
		return
	}
	raw, ok := r.defaults[e.spec]
	if !ok {
		var m map[string]any
		if _, err := toml.Decode("v = "+e.spec.Default, &m); err != nil {
			panic(fmt.Sprintf("conf: default of %s: %v", e.spec.Name, err))
		}
		raw = m["v"]
		r.defaults[e.spec] = raw
	}
	r.read(e, raw)
	for _, i := range e.items {
		i.set = false
	}
	if e.spec.Arity == One && !e.bad && e.spec.Section == nil {
		r.values[e.spec] = e.value
	}
}

// elements gives a TOML array as a list, however it was written.
func elements(raw any) ([]any, bool) {
	switch v := raw.(type) {
	case []any:
		return v, true
	case []map[string]any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = v[i]
		}
		return list, true
	}
	return nil, false
}

// kindOf names the type of a decoded value.
func kindOf(raw any) string {
	switch raw.(type) {
	case string:
		return "a string"
	case bool:
		return "a boolean"
	case int64:
		return "an integer"
	case float64:
		return "a float"
	case time.Time:
		return "a date"
	case map[string]any:
		return "a table"
	}
	return "a list"
}
