package conf

import (
	"os"
	"reflect"
	"testing"

	"github.com/BurntSushi/toml"
)

// sameAsDecoder holds the values that the index has of a plain file against the
// decoder's, and tells whether the file is plain.
func sameAsDecoder(t *testing.T, data []byte) (plain bool) {
	t.Helper()
	root, _, _, err := newIndex(data[:len(data):len(data)])
	if err != nil || root.table == nil {
		return false
	}
	var m map[string]any
	if _, err := toml.Decode(string(data), &m); err != nil {
		t.Fatalf("taken for plain, but the decoder says %v:\n%s", err, data)
	}
	if got, want := listed(root.table), listed(m); !reflect.DeepEqual(got, want) {
		t.Fatalf("got  %v\nwant %v\nof\n%s", got, want, data)
	}
	return true
}

// listed writes every array in one way: the decoder has two.
func listed(v any) any {
	if m, ok := v.(map[string]any); ok {
		all := map[string]any{}
		for key, one := range m {
			all[key] = listed(one)
		}
		return all
	}
	list, ok := elements(v)
	if !ok {
		return v
	}
	all := []any{}
	for _, one := range list {
		all = append(all, listed(one))
	}
	return all
}

func TestPlain(t *testing.T) {
	for _, c := range []struct {
		text  string
		plain bool
	}{
		{"", true},
		{"# nothing\n", true},
		{"a = 1\nb = -2\nc = +3\nd = 0\ne = true\nf = false\ng = \"x\"\nh = 'y'\ni = \"\"\n", true},
		{"a = []\nb = [1, [2], []]\nc = {}\nd = { x = 1, y = { z = [\"q\"] } }\ne = [{ x = 1 }, { y = 2 }]\n", true},
		{"[a]\n[a.b.c]\nx = 1\n[a.b]\ny = 2\n[d.e]\n[d]\nz = 3\n", true},
		{"\"a b\" = 1\n[\"c.d\"]\n[\"\".x]\n", true},
		// The decoder's.
		{"a.b = 1\n", false},
		{"a = { b.c = 1 }\n", false},
		{"[[a]]\nx = 1\n", false},
		{"a = 1.5\n", false},
		{"a = 2026-01-01\n", false},
		{"a = 0x10\n", false},
		{"a = 1_000\n", false},
		{"a = 007\n", false},
		{"a = 9223372036854775808\n", false},
		{"a = \"\\n\"\n", false},
		{"a = \"\"\"x\"\"\"\n", false},
		{"a = '''x'''\n", false},
		{"a = \"ä\"\n", false},
		{"a = 1\r\n", false},
		// What it refuses.
		{"a = 1\na = 2\n", false},
		{"[a]\n[a]\n", false},
		{"[a]\nb = 1\n[a.b]\n", false},
		{"[a.b]\n[a]\nb = 1\n", false},
		{"a = { b = 1, b = 2 }\n", false},
		{"a = { b = {} }\n[a.b.c]\n", false},
		{"a = []\n[a.b]\n", false},
	} {
		if plain := sameAsDecoder(t, []byte(c.text)); plain != c.plain {
			t.Errorf("%q: plain %t, want %t", c.text, plain, c.plain)
		}
	}
	for _, path := range []string{pairFile, referenceFile} {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		sameAsDecoder(t, data)
	}
	if !sameAsDecoder(t, large(20)) {
		t.Error("the large file of the benchmark is not plain")
	}
}

// FuzzPlain: what is taken for plain is what the decoder makes of it.
func FuzzPlain(f *testing.F) {
	corpus(f)
	f.Add([]byte("[a.b]\nc = { d = [1, 'x', { e = true }] }\n[a]\n\"f g\" = -1\n"))
	f.Fuzz(func(t *testing.T, data []byte) { sameAsDecoder(t, data) })
}
