package conf

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Error is one thing that is wrong in a configuration file.
type Error struct {
	File string // as given to Load or Parse
	Line int    // from 1
	Col  int    // from 1, in characters; a tab is one
	Key  string // "virtual_router.outside.vrid"; empty for a syntax error
	// Message says what is wrong and what is allowed.
	Message string
	// Hint says what to do, for example the nearest key; it may be empty.
	Hint string
	// Excerpt is, for a syntax error, its line of the file and a second line with
	// a caret below the place.
	Excerpt string
}

// Error gives "failover.toml:12:3: virtual_router.outside.vrid: 300 is outside
// 1–255", the hint after a semicolon, the excerpt on lines of its own.
func (e Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d:%d: ", e.File, e.Line, e.Col)
	if e.Key != "" {
		b.WriteString(e.Key + ": ")
	}
	b.WriteString(e.Message)
	if e.Hint != "" {
		b.WriteString("; " + e.Hint)
	}
	if e.Excerpt != "" {
		b.WriteString("\n" + e.Excerpt)
	}
	return b.String()
}

// Errors is everything that is wrong in a configuration file, in the order of
// the file. A syntax error stands alone: what follows it cannot be judged.
type Errors []Error

// Error gives one error a line.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap makes each Error visible to errors.As.
func (e Errors) Unwrap() []error {
	list := make([]error, len(e))
	for i, one := range e {
		list[i] = one
	}
	return list
}

// sort puts the errors into the order of the file.
func (e Errors) sort() {
	slices.SortStableFunc(e, func(a, b Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
}
