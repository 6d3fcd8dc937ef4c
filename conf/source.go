package conf

import (
	"sort"
	"strings"
	"unicode/utf8"
)

// source is a file's text and where its lines begin.
type source struct {
	name  string
	text  []byte
	lines []int // offsets of the first byte of each line
}

func newSource(name string, text []byte) *source {
	s := &source{name: name, text: text, lines: []int{0}}
	for i, c := range text {
		if c == '\n' {
			s.lines = append(s.lines, i+1)
		}
	}
	return s
}

// position turns a byte offset into line and column, both from 1. An offset
// outside the text is taken to its nearest end.
func (s *source) position(offset int) (line, col int) {
	offset = min(max(offset, 0), len(s.text))
	line = sort.Search(len(s.lines), func(i int) bool { return s.lines[i] > offset })
	// A parser may point into the middle of a character; its place is its start.
	for offset < len(s.text) && offset > s.lines[line-1] && !utf8.RuneStart(s.text[offset]) {
		offset--
	}
	return line, utf8.RuneCount(s.text[s.lines[line-1]:offset]) + 1
}

// excerpt is the line of an offset and below it a caret. Tabs are repeated
// before the caret, so that it stands right however wide they are shown.
func (s *source) excerpt(offset int) string {
	line, col := s.position(offset)
	from := s.lines[line-1]
	to := len(s.text)
	if line < len(s.lines) {
		to = s.lines[line] - 1
	}
	text := strings.TrimRight(string(s.text[from:to]), "\r")
	var pad strings.Builder
	for i, r := range []rune(text) {
		if i == col-1 {
			break
		}
		if r == '\t' {
			pad.WriteByte('\t')
		} else {
			pad.WriteByte(' ')
		}
	}
	return "    " + printable(text) + "\n    " + pad.String() + "^"
}

// nearSecret tells whether a line, or one of the few before it, mentions a key of
// a secret: a syntax error is noticed where the text makes no sense any more, which
// may be some lines below.
func (s *source) nearSecret(offset int) bool {
	line, _ := s.position(offset)
	from, to := s.lines[max(0, line-1-secretReach)], len(s.text)
	if line < len(s.lines) {
		to = s.lines[line]
	}
	text := strings.ToLower(string(s.text[from:to]))
	for _, section := range Sections() {
		for i := range section.Keys {
			if k := &section.Keys[i]; k.Type == SecretKey && strings.Contains(text, k.Name) {
				return true
			}
		}
	}
	return false
}

// secretReach is how many lines below a secret nothing is shown of a syntax error.
const secretReach = 3

// printable replaces control characters, which must not reach a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if (r < ' ' && r != '\t') || r == 0x7f {
			return '�'
		}
		return r
	}, s)
}
