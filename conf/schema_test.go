package conf

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// base is a small valid file, section by section; a case replaces one key.
var base = []struct {
	section *Section
	header  string
	keys    [][2]string
}{
	{&directorSection, "[director.lb2]\naddress = \"192.168.33.94\"\n[director.lb1]", [][2]string{{"address", `"192.168.33.91"`}}},
	{&daemonSection, "[daemon]", nil},
	{&routerSection, "[virtual_router.r]", [][2]string{{"interface", `"eth1"`}, {"vrid", "52"}}},
	{&addressSection, "[[virtual_router.r.addresses]]", [][2]string{{"address", `"192.168.33.90/24"`}}},
	{&authSection, "[virtual_router.r.auth]", [][2]string{{"file", `"/run/secret"`}}},
	{&followSection, "[virtual_router.r.follow_health]", nil},
	{&announceSection, "[virtual_router.r.announce]", nil},
	{&trackSection, "[[virtual_router.r.track]]", [][2]string{{"kind", `"interface"`}, {"interface", `"eth5"`}}},
	{&takeOverSection, "[virtual_router.r.take_over]", [][2]string{{"argv", `["/bin/move"]`}}},
	{&serverSection, "[virtual_server.web]", [][2]string{{"address", `"192.168.33.90:80"`}}},
	{&tunnelSection, "[virtual_server.web.tunnel]", [][2]string{{"type", `"gue"`}, {"port", "6080"}}},
	{&drainSection, "[virtual_server.web.drain]", nil},
	{&checkSection, "[virtual_server.web.check]", [][2]string{{"kind", `"https"`}}},
	{&realSection, "[[virtual_server.web.real_server]]", [][2]string{{"address", `"192.168.33.92:80"`}}},
	{&ipvsSection, "[ipvs]", nil},
	{&syncSection, "[ipvs.sync]", nil},
}

// baseWith renders the base with one key replaced or added; an empty value
// leaves it out. A key that opens tables replaces them, those inside included.
func baseWith(section *Section, key, value string) string {
	var b strings.Builder
	k := section.key(key)
	if section == &fileSection && value != "" {
		fmt.Fprintf(&b, "%s = %s\n", key, value)
	}
	for _, s := range base {
		if k != nil && k.Section != nil && isInside(s.section, k.Section) {
			if s.section == &checkSection && section == &realSection {
				b.WriteString(s.header + "\nkind = \"https\"\n")
			}
			continue
		}
		if s.section == &authSection && section != s.section {
			continue // it is for version 2
		}
		if s.section == &tunnelSection && section != s.section {
			continue // it is for forward tun
		}
		b.WriteString(s.header + "\n")
		for _, line := range s.keys {
			if s.section == &authSection && line[0] != key && value != "" && !strings.Contains(value, "\n") {
				continue // one of the two
			}
			if s.section == section && (line[0] == key || line[0] == "address" && replacesAddress(key)) {
				continue
			}
			if s.section == section && k != nil && len(k.Kinds) == 1 {
				if s.section == &trackSection && line[0] != "kind" {
					continue // each kind of track has one key of its own
				}
				line[1] = fmt.Sprintf("%q", k.Kinds[0])
			}
			fmt.Fprintf(&b, "%s = %s\n", line[0], line[1])
		}
		if s.section == section && value != "" {
			fmt.Fprintf(&b, "%s = %s\n", key, value)
		}
		if s.section == &serverSection && section == &tunnelSection {
			b.WriteString("forward = \"tun\"\n")
		}
		if s.section == &routerSection && section == &authSection {
			b.WriteString("version = 2\n")
		}
		if s.section == &checkSection && section == s.section && k != nil && isExec(k) && key != "argv" {
			b.WriteString("argv = [\"/bin/true\"]\n")
		}
	}
	return b.String()
}

// replacesAddress tells the keys that a virtual server has instead of its address.
func replacesAddress(key string) bool {
	return slices.Contains([]string{"addresses", "fwmark", "family", "match"}, key)
}

func isExec(k *Key) bool { return len(k.Kinds) == 1 && k.Kinds[0] == "exec" }

// isInside tells whether a section is another one or below it.
func isInside(s, outer *Section) bool {
	if s == outer {
		return true
	}
	for _, k := range outer.Keys {
		if k.Section != nil && isInside(s, k.Section) {
			return true
		}
	}
	return false
}

func TestBaseIsValid(t *testing.T) {
	if _, err := Parse("base.toml", []byte(baseWith(&daemonSection, "", ""))); err != nil {
		t.Fatal(err)
	}
}

// TestEveryKeyIsDocumentedAndTested walks the schema: a key without its
// documentation, or without a good and a bad value below, fails.
func TestEveryKeyIsDocumentedAndTested(t *testing.T) {
	known := map[string]bool{}
	for _, s := range Sections() {
		for i := range s.Keys {
			k := &s.Keys[i]
			path := strings.TrimPrefix(s.Path+"."+k.Name, ".")
			known[path] = true
			if !strings.HasSuffix(k.Doc, ".") {
				t.Errorf("%s: the documentation is missing or no sentence: %q", path, k.Doc)
			}
			if k.Section == nil && k.Default == "" && k.Example == "" {
				t.Errorf("%s: neither default nor example for the reference file", path)
			}
			c, ok := keyCases[path]
			if !ok || len(c.good) == 0 || len(c.bad) == 0 {
				t.Errorf("%s: no good or no bad value in keyCases", path)
				continue
			}
			t.Run(path, func(t *testing.T) { testKey(t, s, k, c) })
		}
	}
	for path := range keyCases {
		if !known[path] {
			t.Errorf("keyCases has %s, which the schema has not", path)
		}
	}
}

func testKey(t *testing.T, s *Section, k *Key, c keyCase) {
	before, err := Parse("base.toml", []byte(baseWith(&daemonSection, "", "")))
	if err != nil {
		t.Fatal(err)
	}
	if s == &checkSection && isExec(k) {
		before, err = Parse("base.toml", []byte(baseWith(s, "user", "")))
		if err != nil {
			t.Fatal(err)
		}
	}
	for i, value := range c.good {
		text := baseWith(s, k.Name, value)
		d, err := Parse("good.toml", []byte(text))
		if err != nil {
			t.Errorf("%s = %s is refused: %v\n%s", k.Name, value, err, text)
			continue
		}
		// The first good value differs from the default: it must be seen.
		if i == 0 && !c.inert {
			testSeen(t, before, d, value)
		}
	}
	for value, want := range c.bad {
		text := baseWith(s, k.Name, value)
		_, err := Parse("bad.toml", []byte(text))
		var list Errors
		if !errors.As(err, &list) {
			t.Errorf("%s = %s is accepted\n%s", k.Name, value, text)
			continue
		}
		if got := err.Error(); !strings.Contains(got, want) || !strings.Contains(got, k.Name) {
			t.Errorf("%s = %s: got %q, want %q in it", k.Name, value, got, want)
		}
	}
}

// testSeen demands that a change shows in the digest and in the difference of
// at least one director.
func testSeen(t *testing.T, before, after Deployment, value string) {
	t.Helper()
	if before.Digest() == after.Digest() {
		t.Errorf("%s: the digest is the same as without it", value)
	}
	changes := 0
	for _, d := range before.Directors {
		a, err := before.Node(d.Name)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := after.Node(d.Name); err == nil {
			changes += len(Diff(a, b))
		}
	}
	if changes == 0 {
		t.Errorf("%s: Diff sees no change", value)
	}
}
