package conf

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestErrors compares everything that is said of each bad file with what is
// written beside it.
func TestErrors(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.toml")
	if err != nil || len(files) == 0 {
		t.Fatal("no bad files", err)
	}
	for _, path := range files {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".toml"), func(t *testing.T) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Parse("failover.toml", data)
			if err == nil {
				t.Fatal("accepted")
			}
			golden(t, strings.TrimSuffix(path, ".toml")+".err", err.Error()+"\n")
		})
	}
}

func TestErrorsAreSortedAndTyped(t *testing.T) {
	_, err := Load("testdata/bad/servers.toml")
	var list Errors
	if !errors.As(err, &list) {
		t.Fatalf("Load returns %T, want Errors", err)
	}
	for i, e := range list[1:] {
		if before := list[i]; before.Line > e.Line || before.Line == e.Line && before.Col > e.Col {
			t.Errorf("%v stands before %v", before, e)
		}
	}
	var one Error
	if !errors.As(err, &one) || one != list[0] {
		t.Errorf("errors.As finds %v, want the first error", one)
	}
}

func TestLoadNamesTheFile(t *testing.T) {
	_, err := Load("testdata/there-is-no-such.toml")
	if !errors.Is(err, os.ErrNotExist) || !strings.HasPrefix(err.Error(), "conf: open testdata/there-is") {
		t.Errorf("got %v", err)
	}
}

// TestColumnsAreCharacters: a column counts characters, a byte order mark is not
// one, and line ends of both kinds are understood.
func TestColumnsAreCharacters(t *testing.T) {
	for text, want := range map[string]string{
		"\xef\xbb\xbf[nope]":                         "f:1:2: nope: ",
		"[daemon]\r\nsocket = \"x\"\r\n":             "f:2:10: daemon.socket: ",
		"director = { \"ä\" = 1, lb1 = 2 }":          "f:1:29: director.lb1: ",
		"[daemon]\nsocket\t=\t'''\nx'''":             "f:2:10: daemon.socket: ",
		"daemon . \"soc\\u006Bet\" = 1":              "f:1:26: daemon.socket: ",
		"director = [[[1]]]":                         "f:1:12: director: ",
		"[director.lb1]\naddress=[ 'x',\n # c\n'y']": "f:4:1: director.lb1.address[1]: ",
	} {
		_, err := Parse("f", []byte(text))
		if err == nil || !strings.Contains("\n"+err.Error(), "\n"+want) {
			t.Errorf("%q: got\n%v\nwant %q", text, err, want)
		}
	}
}

func TestNearest(t *testing.T) {
	for _, c := range []struct{ word, want string }{
		{"vird", "vrid"}, {"VRID", "vrid"}, {"adresses", "addresses"}, {"advert_int", ""},
		{"advert_intervall", "advert_interval"}, {"", ""}, {"x", ""}, {"preemt", "preempt"},
	} {
		if got := nearest(c.word, routerSection.names()); got != c.want {
			t.Errorf("nearest(%q) = %q, want %q", c.word, got, c.want)
		}
	}
}
