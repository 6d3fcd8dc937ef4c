package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

const top = "../../" // of the checkout

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// blocks returns the fenced blocks of a language in the README.
func blocks(t *testing.T, language string) []string {
	t.Helper()
	var list []string
	for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(readFile(t, top+"README.md"), -1) {
		list = append(list, m[1])
	}
	if len(list) == 0 {
		t.Fatalf("the README has no %s block", language)
	}
	return list
}

// TestReadmeShowsThePair holds that the file in the README is the example that
// is tested, and that it stays short.
func TestReadmeShowsThePair(t *testing.T) {
	shown := blocks(t, "toml")[0]
	if shown != readFile(t, top+"docs/examples/pair.toml") {
		t.Error("the README's configuration is not docs/examples/pair.toml")
	}
	if n := strings.Count(shown, "\n"); n > 30 {
		t.Errorf("the configuration has %d lines, want 30 at most", n)
	}
}

// TestReadmeCommands runs the commands that need no daemon, and compares the
// status shown with what the printer's own test prints.
func TestReadmeCommands(t *testing.T) {
	status := readFile(t, top+"internal/view/testdata/pair.txt")
	shown := blocks(t, "console")
	t.Chdir(top)
	for _, block := range shown {
		line, want, _ := strings.Cut(block, "\n")
		args, ok := strings.CutPrefix(line, "$ failover ")
		if !ok {
			t.Errorf("%q is no command of failover", line)
			continue
		}
		got := status
		if args != "status" {
			var out, errs strings.Builder
			run(strings.Fields(args), &out, &errs)
			got = out.String() + errs.String()
		}
		if got != want {
			t.Errorf("%s\ngot\n%s\nthe README shows\n%s", line, got, want)
		}
	}
}

// TestReadmeLinks holds that what the README points to is there.
func TestReadmeLinks(t *testing.T) {
	for _, m := range regexp.MustCompile(`\]\(([^)#:]+)\)`).FindAllStringSubmatch(readFile(t, top+"README.md"), -1) {
		if _, err := os.Stat(top + m[1]); err != nil {
			t.Error(err)
		}
	}
}
