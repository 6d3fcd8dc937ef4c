package conf

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// known is a file that has been read.
func known(tb testing.TB, text []byte) *File {
	tb.Helper()
	var f File
	if _, err := f.parse("f.toml", bytes.Clone(text)); err != nil {
		tb.Fatal(err)
	}
	return &f
}

// readAgain holds what a known file comes to after a change against what it comes to
// when it is read for the first time, and tells whether it was read by its change.
func readAgain(tb testing.TB, f *File, text []byte) (short bool) {
	tb.Helper()
	_, short = f.last.again("f.toml", bytes.Clone(text))
	got, gotErr := f.parse("f.toml", bytes.Clone(text))
	want, wantErr := readDeployment("f.toml", text, true)
	switch {
	case fmt.Sprint(gotErr) != fmt.Sprint(wantErr):
		tb.Fatalf("error\n%v\nwant\n%v", gotErr, wantErr)
	case got.Digest() != want.Digest():
		tb.Fatal("another digest")
	}
	got.sums = nil
	if !reflect.DeepEqual(got, want) {
		tb.Fatalf("it comes to something else: %v", diffOf(want, got))
	}
	return short
}

func diffOf(a, b Deployment) []Change {
	x, _ := a.Node("lb1")
	y, _ := b.Node("lb1")
	return Diff(x, y)
}

// TestReadAgain: changes of a large file, and whether they are read alone.
func TestReadAgain(t *testing.T) {
	text := string(large(100))
	part := func(n int) (from, to int) {
		from = strings.Index(text, fmt.Sprintf("[virtual_server.s%d]\n", n))
		if to = strings.Index(text[from+1:], "\n["); to < 0 {
			return from, len(text)
		}
		return from, from + 1 + to + 1
	}
	in := func(n int, old, new string) string {
		from, to := part(n)
		if !strings.Contains(text[from:to], old) {
			t.Fatalf("no %q", old)
		}
		return text[:from] + strings.Replace(text[from:to], old, new, 1) + text[to:]
	}
	for name, c := range map[string]struct {
		text  string
		short bool
	}{
		"nothing":                        {text, true},
		"a weight":                       {in(50, "weight = 1 ", "weight = 20 "), true},
		"of the first":                   {in(0, "weight = 1 ", "weight = 20 "), true},
		"of the last":                    {in(99, "weight = 1 ", "weight = 20 "), true},
		"of two, the rest between them":  {in(50, "weight = 1 ", "weight = 2 "), true},
		"another check":                  {in(50, `path = "/"`, `path = "/health"`), true},
		"a comment":                      {in(50, "check = ", "# why\ncheck = "), true},
		"a real server goes":             {in(50, "  { name = \"s50-3\", address = \"10.0.50.4:80\", weight = 1 },\n", ""), true},
		"a real server comes":            {in(50, "real_server = [\n", "real_server = [\n{ address = \"10.0.250.1:80\" },\n"), true},
		"one at a virtual address":       {in(50, "real_server = [\n", "real_server = [\n{ address = \"172.16.0.9:80\" },\n"), false},
		"a sorry server":                 {in(50, "check = ", "sorry_server = \"10.0.250.1:80\"\ncheck = "), true},
		"a sub-table":                    {in(50, "\n]\n", "\n]\n[virtual_server.s50.drain]\ntimeout = \"1m\"\n"), true},
		"another address":                {in(50, "172.16.0.51:80", "172.16.0.51:81"), false},
		"the address of another one":     {in(50, "172.16.0.51:80", "172.16.0.52:80"), false},
		"one more address":               {in(50, "address = \"172.16.0.51:80\"", "addresses = [\"172.16.0.51:80\", \"172.16.0.51:81\"]"), false},
		"a new one":                      {in(50, "[virtual_server.s50]\n", "[virtual_server.new]\naddress = \"172.16.0.51:82\"\nreal_server = [{ address = \"10.0.0.1:80\" }]\n[virtual_server.s50]\n"), false},
		"another name":                   {in(50, "[virtual_server.s50]", "[virtual_server.s500]"), false},
		"a name that is there":           {in(50, "[virtual_server.s50]", "[virtual_server.s51]"), false},
		"one that is half a line":        {in(50, "]\n", "]"), false},
		"open at its end":                {in(50, "]\n", ""), false},
		"a string that does not end":     {in(50, "]\n", "]\nnotify = [\"\"\"\n"), false},
		"an unknown key":                 {in(50, "weight = 1 ", "wieght = 1 "), false},
		"a key before its header":        {in(70, "[virtual_server.s70]", "scheduler = \"rr\"\n[virtual_server.s70]"), true},
		"another scheduler":              {in(50, "check = ", "scheduler = \"dh\"\ncheck = "), true},
		"one, and far behind it another": {in(20, "weight = 1 ", "weight = 2 ") + "#", false},
		"a director":                     {strings.Replace(text, "192.0.2.2", "192.0.2.3", 1), false},
		"a router":                       {strings.Replace(text, "vrid = 1\n", "vrid = 2\n", 1), false},
		"before all":                     {"# a file\n" + text, false},
		"a mark":                         {"\xef\xbb\xbf" + text, true},
		"behind all":                     {text + "# the end\n", true},
		"a table behind all":             {text + "[daemon]\nlog_level = \"debug\"\n", false},
		"nothing is left":                {"", false},
	} {
		t.Run(name, func(t *testing.T) {
			f := known(t, []byte(text))
			if short := readAgain(t, f, []byte(c.text)); short != c.short {
				t.Errorf("read by its change: %t, want %t", short, c.short)
			}
			readAgain(t, f, []byte(text)) // and back
			readAgain(t, f, []byte(c.text))
		})
	}
}

// TestReadAgainSmall: a small file is read whole, and so is one with a warning, whose
// place moves.
func TestReadAgainSmall(t *testing.T) {
	for name, text := range map[string][]byte{
		"small":   large(10),
		"warning": append(large(1000), "[virtual_server.x]\naddress = \"172.16.0.1:81\"\nscheduler = \"dh\"\nreal_server = [{ address = \"10.0.0.1:80\", weight = 0 }, { address = \"10.0.0.2:80\" }]\n"...),
		"twice":   append(large(1000), "[virtual_server.s1.check]\n"...),
		"dotted":  append([]byte("virtual_server.y.address = \"172.16.0.1:81\"\nvirtual_server.y.real_server = [{ address = \"10.0.0.1:81\" }]\n"), large(1000)...),
	} {
		var f File
		if _, err := f.parse("f.toml", text); f.last != nil {
			t.Errorf("%s: known after %v", name, err)
		}
	}
}

// TestReadAgainSecret: a secret that has changed is read, though its file has not.
func TestReadAgainSecret(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	write := func(s string) {
		if err := os.WriteFile(path, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("first")
	text := bytes.Replace(large(1000), []byte("vrid = 1\n"), fmt.Appendf(nil, "vrid = 1\nversion = 2\nauth = { file = %q }\n", path), 1)
	f := known(t, text)
	write("second")
	if !readAgain(t, f, text) {
		t.Error("the whole of it was read")
	}
	if got := f.last.d.VirtualRouters[0].Auth.Value(); got != "second" {
		t.Errorf("the secret is %q", got)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	readAgain(t, f, text)
}

// edit does something small to a text: as people do, and as nobody would.
func edit(r *rand.Rand, text []byte) []byte {
	at := r.IntN(len(text))
	end := min(len(text), at+r.IntN(60))
	words := []string{
		"", "\n", "[", "]", "\"", "'''", "\"\"\"", "#", "{", "}", ",", " = ", "1", "weight = 3", "\nweight = 3\n", "\n[virtual_server.s7]\n", "\n[virtual_server.s3.check]\n",
		"\n[[virtual_server.s4.real_server]]\n", "\n[daemon]\n", "virtual_server.s5.quorum = 1\n", "\n[virtual_server]\n", "10.0.1.9:80", "172.16.0.2", "\\", "é", "\r\n",
	}
	word := words[r.IntN(len(words))]
	switch r.IntN(6) {
	case 0, 1: // a number
		if n := bytes.IndexAny(text[at:], "123456789"); n >= 0 {
			at += n
			end, word = at+1, fmt.Sprint(r.IntN(10))
		}
	case 2: // a line goes, or comes again
		from := bytes.LastIndexByte(text[:at], '\n') + 1
		if n := bytes.IndexByte(text[at:], '\n'); n >= 0 {
			if word = string(text[from : at+n+1]); r.IntN(2) == 0 {
				word = ""
			}
			at, end = from, at+n+1
			if word != "" {
				end = from
			}
		}
	case 3:
		end = at
	}
	return append(append(bytes.Clone(text[:at]), word...), text[end:]...)
}

// TestReadAgainAnything: whatever is changed, reading it again comes to what reading
// it for the first time does.
func TestReadAgainAnything(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	text := large(90)
	f := known(t, text)
	n := map[bool]int{}
	for range 100 {
		now := text
		for range 1 + r.IntN(2) {
			now = edit(r, now)
		}
		if f.last == nil {
			if f = known(t, text); f.last == nil {
				t.Fatal("too small")
			}
		}
		n[readAgain(t, f, now)]++
		if f.last != nil && r.IntN(2) == 0 {
			text = now
		}
	}
	t.Logf("%d by their change, %d whole", n[true], n[false])
	if n[true] < 5 || n[false] < 5 {
		t.Error("one kind is hardly there")
	}
}

// FuzzReadAgain is TestReadAgainAnything for the fuzzer: a piece of a file is replaced.
func FuzzReadAgain(f *testing.F) {
	text := large(90)
	f.Add(20_000, 1, "2")
	f.Add(20_000, 100, "\"\"\"")
	f.Add(20_000, 0, "\n[virtual_server.s7]\n")
	f.Fuzz(func(t *testing.T, at, length int, word string) {
		if at < 0 || length < 0 || at > len(text) || length > len(text)-at {
			t.Skip()
		}
		readAgain(t, known(t, text), append(append(bytes.Clone(text[:at]), word...), text[at+length:]...))
	})
}

// TestEqualSeesEverything: a field that is new counts in comparisons, too.
func TestEqualSeesEverything(t *testing.T) {
	for _, v := range []reflect.Type{reflect.TypeFor[VirtualServer](), reflect.TypeFor[RealServer]()} {
		for i := range v.NumField() {
			a, b := reflect.New(v).Elem(), reflect.New(v).Elem()
			other(b.Field(i))
			var same bool
			switch x := a.Interface().(type) {
			case VirtualServer:
				same = x.equal(b.Interface().(VirtualServer)) || b.Interface().(VirtualServer).equal(x)
			case RealServer:
				same = x.equal(b.Interface().(RealServer)) || b.Interface().(RealServer).equal(x)
			}
			if same {
				t.Errorf("%s.%s does not count", v.Name(), v.Field(i).Name)
			}
		}
	}
}

// other gives a field another value than the zero one.
func other(f reflect.Value) {
	switch f.Kind() {
	case reflect.Slice:
		f.Set(reflect.MakeSlice(f.Type(), 1, 1))
	case reflect.Pointer:
		f.Set(reflect.New(f.Type().Elem()))
	case reflect.Bool:
		f.SetBool(true)
	case reflect.String:
		f.SetString("x")
	case reflect.Uint8, reflect.Uint32:
		f.SetUint(1)
	case reflect.Int, reflect.Int64:
		f.SetInt(1)
	case reflect.Struct:
		if f.Type().String() == "netip.AddrPort" {
			f.Set(reflect.ValueOf(netip.MustParseAddrPort("192.0.2.1:80")))
			return
		}
		other(f.Field(0))
	default:
		panic(f.Kind())
	}
}
