package conf

import (
	"errors"

	"github.com/pelletier/go-toml/v2/unstable"
)

// maxDepth is how deep keys and tables may lie in one another. The schema needs
// five; the decoder's time and memory grow with the square of it.
const maxDepth = 32

var errDepth = errors.New("keys, tables and lists lie more than 32 deep in one another")

// place is where a key or an element of an array stands in the file. The
// decoder loses both positions and order; this index, from a second parser that
// keeps them, gives them back.
type place struct {
	key, val int      // byte offsets of the key and of its value
	keys     []string // of a table, in the order of the file
	kids     map[string]*place
	items    []*place
}

// kid returns the place of a key, new at this offset when it is met for the
// first time.
func (p *place) kid(key string, offset int) *place {
	if k, ok := p.kids[key]; ok {
		return k
	}
	if p.kids == nil {
		p.kids = map[string]*place{}
	}
	k := &place{key: offset, val: offset}
	p.kids[key], p.keys = k, append(p.keys, key)
	return k
}

// item adds an element to an array.
func (p *place) item(offset int) *place {
	i := &place{key: offset, val: offset}
	p.items = append(p.items, i)
	return i
}

// last is the table a header continues: of an array of tables its newest.
func (p *place) last() *place {
	if n := len(p.items); n > 0 {
		return p.items[n-1]
	}
	return p
}

// newIndex reads the positions of every key and value. A syntax error is
// returned with its offset.
func newIndex(text []byte) (root *place, offset int, err error) {
	var p unstable.Parser
	p.Reset(text)
	root = &place{}
	table := root
	for p.NextExpression() {
		e := p.Expression()
		if at, deep := tooDeep(e, 0); deep {
			return nil, at, errDepth
		}
		switch e.Kind {
		case unstable.Table, unstable.ArrayTable:
			table = indexHeader(root, e)
		case unstable.KeyValue:
			indexKeyValue(table, e, text)
		}
	}
	if err := p.Error(); err != nil {
		return nil, syntaxOffset(err, text), err
	}
	return root, 0, nil
}

// tooDeep looks for a part of an expression that lies deeper than maxDepth, and
// returns its offset.
func tooDeep(e *unstable.Node, depth int) (offset int, deep bool) {
	if depth > maxDepth {
		return int(e.Raw.Offset), true
	}
	for it := e.Children(); it.Next(); {
		child := it.Node()
		if child.Kind == unstable.Key {
			if depth++; depth > maxDepth {
				return int(child.Raw.Offset), true
			}
		}
	}
	for it := e.Children(); it.Next(); {
		if offset, deep := tooDeep(it.Node(), depth+1); deep {
			return offset, true
		}
	}
	return 0, false
}

// indexHeader enters [a.b] or [[a.b]] and returns the table it opens.
func indexHeader(root *place, e *unstable.Node) *place {
	at := root
	for it := e.Key(); it.Next(); {
		k := it.Node()
		offset := int(k.Raw.Offset)
		at = at.kid(string(k.Data), offset)
		switch {
		case !it.IsLast():
			at = at.last()
		case e.Kind == unstable.ArrayTable:
			at = at.item(offset)
		default:
			// A table that was only implied so far gets its own header's place.
			at.key, at.val = offset, offset
		}
	}
	return at
}

// indexKeyValue enters key = value, dotted keys included.
func indexKeyValue(table *place, e *unstable.Node, text []byte) {
	at, end := table, 0
	for it := e.Key(); it.Next(); {
		k := it.Node()
		at = at.kid(string(k.Data), int(k.Raw.Offset))
		end = int(k.Raw.Offset + k.Raw.Length)
	}
	indexValue(at, e.Value(), valueOffset(text, end), text)
}

// indexValue enters a value that begins at offset.
func indexValue(at *place, v *unstable.Node, offset int, text []byte) {
	at.val = offset
	switch v.Kind {
	case unstable.InlineTable:
		for it := v.Children(); it.Next(); {
			indexKeyValue(at, it.Node(), text)
		}
	case unstable.Array:
		for it := v.Children(); it.Next(); {
			child := it.Node()
			o := int(child.Raw.Offset)
			if child.Raw.Length == 0 { // the parser gives arrays no place
				o = offset
			}
			indexValue(at.item(o), child, o, text)
		}
	}
}

// valueOffset steps over blanks and the equals sign after a key.
func valueOffset(text []byte, offset int) int {
	for offset < len(text) && (text[offset] == ' ' || text[offset] == '\t' || text[offset] == '=') {
		offset++
	}
	return offset
}

// syntaxOffset finds the place of the parser's complaint. It hands out a slice
// of the text; what is left of its capacity tells where it begins.
func syntaxOffset(err error, text []byte) int {
	var pe *unstable.ParserError
	if !errors.As(err, &pe) || pe.Highlight == nil {
		return len(text)
	}
	return min(max(cap(text)-cap(pe.Highlight), 0), len(text))
}
