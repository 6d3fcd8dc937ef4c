package conf

import (
	"bytes"
	"strconv"

	"github.com/pelletier/go-toml/v2/unstable"
)

// A file is plain if it keeps to what means the same to every reader of TOML:
// tables opened once and in full by their headers, each key once, strings without
// escapes, decimal integers, booleans, lists and inline tables of those. Nearly
// every file is, and the index has its values in passing, four times as fast as the
// decoder, which counts where a thousand virtual servers are read on a reload.
// Whatever is not plain, errors of meaning foremost, is the decoder's.

// made tells how a place came to be.
type made uint8

const (
	byNobody  made = iota // it is new
	byHeaders             // of tables below it
	byHeader              // its own
	byValue
)

// plainText tells whether a text has none of the bytes whose meaning takes care:
// escapes, controls, anything but ASCII; nor strings over several lines.
func plainText(text []byte) bool {
	for _, c := range text {
		if c < ' ' && c != '\n' && c != '\t' || c > '~' || c == '\\' {
			return false
		}
	}
	return !bytes.Contains(text, []byte(`"""`)) && !bytes.Contains(text, []byte("'''"))
}

// open notes that a header names the table at, below up; the last name opens it.
func (x *indexer) open(up, at *place, last bool) {
	if !x.plain {
		return
	}
	if at.made == byNobody {
		at.table = make(map[string]any, 8)
		up.table[up.keys[len(up.keys)-1]] = at.table
	}
	switch {
	case at.made == byValue, last && at.made == byHeader:
		x.plain = false
	case last:
		at.made = byHeader
	case at.made == byNobody:
		at.made = byHeaders
	}
}

// scalar is a value that is neither a list nor a table.
func (x *indexer) scalar(v *unstable.Node) any {
	switch v.Kind {
	case unstable.String:
		return string(v.Data)
	case unstable.Bool:
		return v.Data[0] == 't'
	case unstable.Integer:
		digits := bytes.TrimLeft(v.Data, "+-")
		n, err := strconv.ParseInt(string(v.Data), 10, 64)
		if err == nil && (len(digits) == 1 || digits[0] != '0') {
			return n
		}
	}
	x.plain = false
	return nil
}
