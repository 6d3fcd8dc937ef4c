package conf

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Type is the type of a key's value.
type Type string

// The types. Everything but Table, Tables and StringMap is one TOML value;
// addresses and durations are written as strings.
const (
	String    Type = "string"
	Bool      Type = "true or false"
	Integer   Type = "integer"
	Duration  Type = "duration"             // a Go duration: "300ms", "1m30s"
	Address   Type = "address"              // an IP address: "192.0.2.1"
	Prefix    Type = "address/bits"         // an address in its subnet: "192.0.2.1/24"
	Endpoint  Type = "address:port"         // "192.0.2.1:80"
	Listen    Type = "address:port or \"\"" // where to listen; "" is nowhere
	SecretKey Type = "secret"               // "…", { file = "/path" } or { credential = "name" }
	Table     Type = "table"
	Tables    Type = "table by name" // [key.NAME]
	StringMap Type = "table of strings"
)

// Arity tells whether a key takes one value or a list.
type Arity int

// The arities.
const (
	One       Arity = iota
	OneOrMany       // a lone value is a list of one
	Many            // always a list
)

// Key is one key of the configuration: the source of its reading, of its
// documentation and of its tests.
type Key struct {
	Name  string
	Type  Type
	Arity Arity
	// PerDirector keys may be written as a table with a value for each director.
	PerDirector bool
	Required    bool
	// Min and Max are the range of an Integer or, in nanoseconds, of a Duration;
	// with a Step the value is a multiple of it.
	Min, Max, Step int64
	Values         []string // the words a String may be; empty: any
	Kinds          []string // the kinds of check or track that have this key; empty: all
	IPv4           bool     // addresses of the other family are refused
	NoPort         bool     // an Endpoint that may be an address alone; its port is 0 then
	Free           bool     // a String that may contain line breaks
	Default        string   // as written in TOML; empty: none
	Implied        string   // the default in words, where it is computed
	Doc            string   // what it means, in sentences
	Example        string   // as written in TOML, for the reference file
	Aside          bool     // the reference file has the example as a comment
	Section        *Section // of a Table or Tables; of a Prefix, a Bool or a secret that may be written as a table
	// valid says what is wrong with a String or with a String of a list; "" is
	// fine.
	valid func(string) string
}

// Section is one table of the configuration and its keys, in the order they are
// documented.
type Section struct {
	// Path names the table: "virtual_router.NAME.announce".
	Path string
	Keys []Key
	// Header opens the table in the reference file, Trailer is more of it.
	Header, Trailer string
}

// key finds a key by its exact name.
func (s *Section) key(name string) *Key {
	if i := s.index(name); i >= 0 {
		return &s.Keys[i]
	}
	return nil
}

// index is the place of a key among the keys, or −1.
func (s *Section) index(name string) int {
	for i := range s.Keys {
		if s.Keys[i].Name == name {
			return i
		}
	}
	return -1
}

// opens tells whether the key's value is a table, or tables.
func (k *Key) opens() bool { return k.Type == Table || k.Type == Tables }

// form is how a table is opened: [director.NAME], [[….real_server]].
func (s *Section) form(k *Key) string {
	if k.Arity == Many {
		return "[[" + s.Path + "]]"
	}
	return "[" + s.Path + "]"
}

// names lists the keys.
func (s *Section) names() []string {
	list := make([]string, len(s.Keys))
	for i := range s.Keys {
		list[i] = s.Keys[i].Name
	}
	return list
}

// Sections lists every table of the configuration, the file itself first (its
// path is empty). A table that is used in two places is listed once.
func Sections() []*Section {
	var list []*Section
	seen := map[*Section]bool{}
	var walk func(s *Section)
	walk = func(s *Section) {
		if seen[s] {
			return
		}
		seen[s] = true
		list = append(list, s)
		for i := range s.Keys {
			if k := &s.Keys[i]; k.Section != nil {
				walk(k.Section)
			}
		}
	}
	walk(&fileSection)
	return list
}

// Allowed says in words what a key takes: "integer, 1–255".
func (k *Key) Allowed() string {
	one := string(k.Type)
	switch {
	case len(k.Values) > 0:
		one = strings.Join(k.Values, " | ")
	case k.limited():
		one += ", " + k.bounds()
	case k.NoPort:
		one += ", or an address alone"
	case k.IPv4:
		one = "IPv4 " + one
	case k.Type == Bool && k.Section != nil:
		one += ", or a table"
	case k.Type == SecretKey:
		one = `string, { file = "/path" } or { credential = "name" }`
	}
	switch k.Arity {
	case OneOrMany:
		one += ", or a list of such"
	case Many:
		one = "list of " + k.plural()
	}
	if k.PerDirector {
		one += "; or a table by director"
	}
	return one
}

// plural is Allowed for the elements of a list.
func (k *Key) plural() string {
	words := map[Type]string{String: "strings", Duration: "durations", Address: "addresses", Prefix: "addresses with prefix length", Endpoint: "addresses with port", Table: "tables"}[k.Type]
	if len(k.Values) > 0 {
		words = strings.Join(k.Values, " | ")
	}
	if k.IPv4 {
		words = "IPv4 " + words
	}
	if k.limited() {
		words += ", each " + k.bounds()
	}
	if k.Type == Prefix && k.Section != nil {
		words += ", or of tables"
	}
	return words
}

// limited tells whether the key has a range.
func (k *Key) limited() bool { return k.Min != 0 || k.Max != 0 }

// bounds writes the range: "1–255", "10ms–40.95s in steps of 10ms".
func (k *Key) bounds() string {
	switch {
	case k.Type == Integer && k.Min == k.Max:
		return strconv.FormatInt(k.Min, 10)
	case k.Type == Integer && k.Min < 0:
		return fmt.Sprintf("%d to %d", k.Min, k.Max)
	case k.Type == Integer:
		return fmt.Sprintf("%d–%d", k.Min, k.Max)
	}
	s := text(time.Duration(k.Min)) + "–" + text(time.Duration(k.Max))
	if k.Step > 0 {
		s += " in steps of " + text(time.Duration(k.Step))
	}
	return s
}

// text writes a duration as people do: 1m, not 1m0s.
func text(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
