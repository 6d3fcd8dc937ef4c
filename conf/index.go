package conf

import (
	"bytes"
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
	vals     []*place // and where each is
	many     map[string]int
	items    []*place
	made     made           // how it came to be
	table    map[string]any // of a table of a plain file: its values (plain.go)
}

// few is how many keys a table may have before they are looked up in a map.
const few = 16

// find is the place of a key, or nil.
func (p *place) find(key string) *place {
	if p.many != nil {
		if i, ok := p.many[key]; ok {
			return p.vals[i]
		}
		return nil
	}
	for i, k := range p.keys {
		if k == key {
			return p.vals[i]
		}
	}
	return nil
}

// indexer reads the positions of every key and value. The places and the keys of
// a file are many and alike.
type indexer struct {
	text  []byte
	names map[string]string
	slab  []place
	plain bool // so far
	// sections are where headers stand, and of which virtual server.
	sections []section
}

func (x *indexer) place(offset int) *place {
	if len(x.slab) == 0 {
		x.slab = make([]place, 256)
	}
	p := &x.slab[0]
	x.slab = x.slab[1:]
	p.key, p.val = offset, offset
	return p
}

// kid returns the place of a key of p, new at this offset when it is met for the
// first time.
func (x *indexer) kid(p *place, name []byte, offset int) *place {
	key, ok := x.names[string(name)]
	if !ok {
		key = string(name)
		x.names[key] = key
	}
	if k := p.find(key); k != nil {
		return k
	}
	k := x.place(offset)
	p.keys, p.vals = append(p.keys, key), append(p.vals, k)
	switch {
	case p.many != nil:
		p.many[key] = len(p.keys) - 1
	case len(p.keys) > few:
		p.many = make(map[string]int, 4*few)
		for i, one := range p.keys {
			p.many[one] = i
		}
	}
	return k
}

// item adds an element to an array.
func (x *indexer) item(p *place, offset int) *place {
	i := x.place(offset)
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

// newIndex reads the positions of every key and value, and of a plain file the
// values: root has a table then; sections are those of indexer.servers. A syntax error
// is returned with its offset.
func newIndex(text []byte) (root *place, sections []section, offset int, err error) {
	var p unstable.Parser
	p.Reset(text)
	x := &indexer{text: text, names: map[string]string{}, plain: plainText(text)}
	root = &place{made: byHeader, table: map[string]any{}}
	table := root
	for p.NextExpression() {
		e := p.Expression()
		if at, deep := tooDeep(e, 0); deep {
			return nil, nil, at, errDepth
		}
		switch e.Kind {
		case unstable.Table, unstable.ArrayTable:
			table = x.header(root, e)
		case unstable.KeyValue:
			x.keyValue(table, e)
		}
	}
	if err := p.Error(); err != nil {
		return nil, nil, syntaxOffset(err, text), err
	}
	if !x.plain {
		root.table = nil
	}
	return root, x.servers(root), 0, nil
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

// header enters [a.b] or [[a.b]] and returns the table it opens.
func (x *indexer) header(root *place, e *unstable.Node) *place {
	at := root
	x.plain = x.plain && e.Kind == unstable.Table
	for it, depth := e.Key(), 0; it.Next(); depth++ {
		k := it.Node()
		offset := int(k.Raw.Offset)
		switch n := len(x.sections) - 1; {
		case depth == 0:
			x.sections = append(x.sections, section{start: bytes.LastIndexByte(x.text[:offset], '\n') + 1})
		case depth == 1 && at == root.find("virtual_server"):
			x.sections[n].server = string(k.Data)
		}
		up := at
		at = x.kid(at, k.Data, offset)
		x.open(up, at, it.IsLast())
		switch {
		case !it.IsLast():
			at = at.last()
		case e.Kind == unstable.ArrayTable:
			at = x.item(at, offset)
		default:
			// A table that was only implied so far gets its own header's place.
			at.key, at.val = offset, offset
		}
	}
	return at
}

// keyValue enters key = value, dotted keys included.
func (x *indexer) keyValue(table *place, e *unstable.Node) {
	at, up, end, depth := table, table, 0, 0
	for it := e.Key(); it.Next(); {
		k := it.Node()
		up, at = at, x.kid(at, k.Data, int(k.Raw.Offset))
		end = int(k.Raw.Offset + k.Raw.Length)
		depth++
	}
	x.plain = x.plain && depth == 1 && at.made == byNobody
	at.made = byValue
	v := x.value(at, e.Value(), valueOffset(x.text, end))
	if x.plain {
		up.table[up.keys[len(up.keys)-1]] = v
	}
}

// value enters a value that begins at offset, and returns it where the file is plain.
func (x *indexer) value(at *place, v *unstable.Node, offset int) any {
	at.val = offset
	switch v.Kind {
	case unstable.InlineTable:
		if x.plain {
			at.table = make(map[string]any, 4)
		}
		for it := v.Children(); it.Next(); {
			x.keyValue(at, it.Node())
		}
		return at.table
	case unstable.Array:
		list := []any{}
		for it := v.Children(); it.Next(); {
			child := it.Node()
			o := int(child.Raw.Offset)
			if child.Raw.Length == 0 { // the parser gives arrays no place
				o = offset
			}
			list = append(list, x.value(x.item(at, o), child, o))
		}
		return list
	}
	return x.scalar(v)
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
