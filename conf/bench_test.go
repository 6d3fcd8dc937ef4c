package conf

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/BurntSushi/toml"
)

// large is a file of many virtual servers with ten real servers each.
func large(servers int) []byte {
	var b bytes.Buffer
	b.WriteString("[director.lb1]\naddress = \"192.0.2.1\"\n[director.lb2]\naddress = \"192.0.2.2\"\n")
	for i := range servers {
		if i%250 == 0 {
			fmt.Fprintf(&b, "[virtual_router.r%d]\ninterface = \"eth%d\"\nvrid = 1\naddresses = [", i/250, i/250)
			for j := range 250 {
				fmt.Fprintf(&b, "\"172.16.%d.%d/32\", ", i/250, j+1)
			}
			fmt.Fprintf(&b, "\"10.%d.255.254/16\"]\n", i/250)
		}
		fmt.Fprintf(&b, "[virtual_server.s%d]\naddress = \"172.16.%d.%d:80\"\n", i, i/250, i%250+1)
		b.WriteString("check = { kind = \"http\", path = \"/\", interval = \"2s\" }\nreal_server = [\n")
		for j := range 10 {
			fmt.Fprintf(&b, "  { name = \"s%d-%d\", address = \"10.%d.%d.%d:80\", weight = 1 },\n", i, j, i/250, i%250, j+1)
		}
		b.WriteString("]\n")
	}
	return b.Bytes()
}

// BenchmarkParse reads 1 000 virtual servers of ten real servers; Decode is what
// the TOML decoder takes of it.
func BenchmarkParse(b *testing.B) {
	data := large(1000)
	b.Run("Parse", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			if _, err := Parse("large.toml", data); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Decode", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			var m map[string]any
			if _, err := toml.Decode(string(data), &m); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkNodeAndDiff is what a reload does besides that one weight has changed.
func BenchmarkNodeAndDiff(b *testing.B) {
	text := large(1000)
	d, err := Parse("large.toml", text)
	if err != nil {
		b.Fatal(err)
	}
	old, err := d.Node("lb1")
	if err != nil {
		b.Fatal(err)
	}
	d, err = Parse("large.toml", bytes.Replace(text, []byte("weight = 1 "), []byte("weight = 2 "), 1))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		n, err := d.Node("lb1")
		if err != nil {
			b.Fatal(err)
		}
		if c := Diff(old, n); len(c) != 1 {
			b.Fatal(c)
		}
	}
}

// BenchmarkReadAgain is reading a file of which one weight has changed, and what a
// reload does besides.
func BenchmarkReadAgain(b *testing.B) {
	texts := [][]byte{large(1000), bytes.Replace(large(1000), []byte("weight = 1 "), []byte("weight = 2 "), 1)}
	f := known(b, texts[1])
	read := func(text []byte) Node {
		d, err := f.parse("large.toml", text)
		if err != nil {
			b.Fatal(err)
		}
		n, err := d.Node("lb1")
		if err != nil {
			b.Fatal(err)
		}
		return n
	}
	old := read(texts[1])
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		n := read(texts[i%2])
		if c := Diff(old, n); len(c) != 1 {
			b.Fatal(c)
		}
		old = n
	}
}

// TestLargeFile: the benchmark's file is a valid one.
func TestLargeFile(t *testing.T) {
	d := parse(t, string(large(1000)))
	if want := "2 directors (lb1, lb2), 4 virtual routers in 4 groups, 1000 virtual servers with 10000 real servers"; d.Summary() != want {
		t.Errorf("got %s, want %s", d.Summary(), want)
	}
}
