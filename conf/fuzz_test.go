package conf

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// corpus are the files of the tests, the good and the bad.
func corpus(f *testing.F) {
	files, err := filepath.Glob("testdata/bad/*.toml")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range append(files, pairFile, referenceFile) {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
}

// FuzzParse: whatever the file, Parse ends; what it refuses, it refuses with
// places inside the file and words a terminal can show; what it accepts, every
// director can resolve.
func FuzzParse(f *testing.F) {
	corpus(f)
	for _, s := range []string{
		"\xef\xbb\xbf", "\x00", "a.b.c = {d=[{e=1}]}", "[[director]]\n[[director.x]]\n", "[director.lb1]\naddress=[[],[[]]]",
		"virtual_router.a.addresses=[\"10.0.0.1/24\"]\nvirtual_router.a.interface={}\r\n", "daemon=[]\ndaemon.x=1", "\"\\u0000\"=1",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := Parse("f.toml", data)
		if err != nil {
			checkErrors(t, err, data)
			return
		}
		if again, err := Parse("f.toml", data); err != nil || again.Digest() != d.Digest() {
			t.Fatalf("parsed again it differs: %v", err)
		}
		for _, one := range d.Directors {
			n, err := d.Node(one.Name)
			if err != nil {
				t.Fatal(err)
			}
			if changes := Diff(n, n); len(changes) != 0 {
				t.Fatalf("it differs from itself: %v", changes)
			}
		}
	})
}

func checkErrors(t *testing.T, err error, data []byte) {
	t.Helper()
	var list Errors
	if !errors.As(err, &list) || len(list) == 0 {
		t.Fatalf("refused with %T %v, want Errors", err, err)
	}
	lines := strings.Split(strings.TrimPrefix(string(data), "\xef\xbb\xbf"), "\n")
	for _, e := range list {
		if e.Line < 1 || e.Line > len(lines) {
			t.Fatalf("%v: the file has %d lines", e, len(lines))
		}
		if width := utf8.RuneCountInString(lines[e.Line-1]); e.Col < 1 || e.Col > width+1 {
			t.Fatalf("%v: the line has %d characters", e, width)
		}
		if e.Message == "" || e.File != "f.toml" {
			t.Fatalf("%#v says nothing", e)
		}
		for _, s := range []string{e.Message, e.Key, e.Hint} {
			if strings.ContainsFunc(s, unicode.IsControl) {
				t.Fatalf("%q has a control character", s)
			}
		}
	}
}

// TestDeepNesting: a file of brackets must not exhaust the stack.
func TestDeepNesting(t *testing.T) {
	for _, text := range []string{
		"a = " + strings.Repeat("[", 1<<20),
		"a = " + strings.Repeat("{b=", 1<<20),
		"a = " + strings.Repeat("[", 5000) + strings.Repeat("]", 5000),
		"[" + strings.Repeat("a.", 1<<16) + "a]",
		strings.Repeat("a.", 1<<16) + "a = 1",
	} {
		_, err := Parse("f.toml", []byte(text))
		if err == nil {
			t.Errorf("%.20s… is accepted", text)
			continue
		}
		checkErrors(t, err, []byte(text))
	}
}

func TestTooLarge(t *testing.T) {
	_, err := Parse("f.toml", make([]byte, maxSize+1))
	if err == nil || !strings.Contains(err.Error(), "larger than 16 MiB") {
		t.Errorf("got %.80v", err)
	}
}
