package linux

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// text is a change in words, in a fixed order where order has no meaning.
func text(c change) string {
	var out []string
	for _, a := range c.first {
		out = append(out, fmt.Sprintf("first remove %d %s", a.index, a.prefix))
	}
	for _, w := range c.add {
		out = append(out, fmt.Sprintf("add %d %s", w.Index, w.Address))
	}
	for _, w := range c.renew {
		out = append(out, fmt.Sprintf("renew %d %s", w.Index, w.Address))
	}
	for _, a := range c.remove {
		out = append(out, fmt.Sprintf("remove %d %s", a.index, a.prefix))
	}
	for _, k := range c.forget {
		out = append(out, fmt.Sprintf("forget %d %s", k.index, k.prefix))
	}
	for range c.refused {
		out = append(out, "refuse")
	}
	return strings.Join(out, ", ")
}

// wants, owns and has read lists such as "2 192.0.2.1/24 group" and
// "2 192.0.2.1/24 ours secondary".
func wants(lines ...string) (out []wish) {
	for _, e := range owns(lines...) {
		out = append(out, wish{Held: e, lease: 5})
	}
	return out
}

func owns(lines ...string) (out []Held) {
	for _, l := range lines {
		var e Held
		var p string
		if _, err := fmt.Sscan(l, &e.Index, &p, &e.Group); err != nil {
			panic(err)
		}
		e.Address = prefix(p)
		out = append(out, e)
	}
	return out
}

func has(lines ...string) map[key]present {
	out := map[key]present{}
	for _, l := range lines {
		words := strings.Fields(l)
		k := owns(words[0] + " " + words[1] + " x")[0].key()
		a := present{key: k, secondary: slices.Contains(words, "secondary")}
		if slices.Contains(words, "ours") {
			a.mark, a.finite = mark, true
		}
		a.finite = a.finite || slices.Contains(words, "finite")
		out[k] = a
	}
	return out
}

// An owner's address that is there already is held, and not touched; what is
// missing is added, and what we added is renewed and removed like any other.
func TestDecideForAnOwner(t *testing.T) {
	for _, tt := range []struct {
		name  string
		owned []Held
		there map[key]present
		want  string
	}{
		{"there", nil, has("2 192.0.2.1/24"), ""},
		{"there with another prefix", nil, has("2 192.0.2.1/28"), ""},
		{"missing", nil, has("2 192.0.2.9/24"), "add 2 192.0.2.1/24"},
		{"added by us", owns("2 192.0.2.1/24 g"), has("2 192.0.2.1/24 ours"), "renew 2 192.0.2.1/24"},
		{"added by us, then given for good", owns("2 192.0.2.1/24 g"), has("2 192.0.2.1/24"), ""},
	} {
		w := wants("2 192.0.2.1/24 g")
		w[0].static = true
		same(t, tt.name, text(decide("g", w, tt.owned, tt.there, true)), tt.want)
	}
	c := decide("g", nil, owns("2 192.0.2.1/24 g"), has("2 192.0.2.1/24"), true)
	same(t, "given up", text(c), "forget 2 192.0.2.1/24")
}

func TestDecide(t *testing.T) {
	for _, tt := range []struct {
		name   string
		wanted []wish
		owned  []Held
		there  map[key]present
		old    bool // a kernel without marks
		want   string
	}{
		{name: "nothing"},
		{name: "new", wanted: wants("2 192.0.2.1/24 g"), want: "add 2 192.0.2.1/24"},
		{name: "written twice", wanted: wants("2 192.0.2.1/24 g", "2 192.0.2.1/24 g"), want: "add 2 192.0.2.1/24"},
		{name: "held", wanted: wants("2 192.0.2.1/24 g"), owned: owns("2 192.0.2.1/24 g"),
			there: has("2 192.0.2.1/24 ours"), want: "renew 2 192.0.2.1/24"},
		{name: "held by another group until now", wanted: wants("2 192.0.2.1/24 g"), owned: owns("2 192.0.2.1/24 h"),
			there: has("2 192.0.2.1/24 ours"), want: "renew 2 192.0.2.1/24"},
		{name: "lost", wanted: wants("2 192.0.2.1/24 g"), owned: owns("2 192.0.2.1/24 g"), want: "add 2 192.0.2.1/24"},
		{name: "marked, owned set lost", wanted: wants("2 192.0.2.1/24 g"),
			there: has("2 192.0.2.1/24 ours"), want: "renew 2 192.0.2.1/24"},
		{name: "the administrator's", wanted: wants("2 192.0.2.1/24 g"), there: has("2 192.0.2.1/24"), want: "refuse"},
		{name: "the administrator's since he gave it anew", wanted: wants("2 192.0.2.1/24 g"),
			owned: owns("2 192.0.2.1/24 g"), there: has("2 192.0.2.1/24"), want: "refuse"},
		{name: "leased by somebody else", wanted: wants("2 192.0.2.1/24 g"), there: has("2 192.0.2.1/24 finite"), want: "refuse"},
		{name: "the administrator's with another prefix", wanted: wants("2 192.0.2.1/24 g"),
			there: has("2 192.0.2.1/32"), want: "refuse"},
		{name: "ours with another prefix", wanted: wants("2 192.0.2.1/24 g"), owned: owns("2 192.0.2.1/32 g"),
			there: has("2 192.0.2.1/32 ours"), want: "add 2 192.0.2.1/24, remove 2 192.0.2.1/32"},
		{name: "the administrator's on another interface", wanted: wants("2 192.0.2.1/24 g"),
			there: has("3 192.0.2.1/24"), want: "add 2 192.0.2.1/24"},
		{name: "the interface made anew", wanted: wants("7 192.0.2.1/24 g"), owned: owns("2 192.0.2.1/24 g"),
			want: "add 7 192.0.2.1/24, forget 2 192.0.2.1/24"},
		{name: "no more", owned: owns("2 192.0.2.1/24 g"), there: has("2 192.0.2.1/24 ours"), want: "remove 2 192.0.2.1/24"},
		{name: "no more, another group's stays", owned: owns("2 192.0.2.1/24 h"), there: has("2 192.0.2.1/24 ours")},
		{name: "marked but not in the owned set", there: has("2 192.0.2.1/24 ours")},
		{name: "in the owned set but not marked", owned: owns("2 192.0.2.1/24 g"),
			there: has("2 192.0.2.1/24 finite"), want: "forget 2 192.0.2.1/24"},
		{name: "in the owned set but gone", owned: owns("2 192.0.2.1/24 g"), want: "forget 2 192.0.2.1/24"},
		{name: "secondaries go first", owned: owns("2 192.0.2.1/24 g", "2 192.0.2.2/24 g"),
			there: has("2 192.0.2.1/24 ours", "2 192.0.2.2/24 ours secondary"),
			want:  "remove 2 192.0.2.2/24, remove 2 192.0.2.1/24"},
		{name: "IPv6: ours with another prefix", wanted: wants("2 fe80::7/64 g"), owned: owns("2 fe80::7/128 g"),
			there: has("2 fe80::7/128 ours"), want: "first remove 2 fe80::7/128, add 2 fe80::7/64"},
		{name: "IPv6: another interface's is another address", wanted: wants("2 fe80::7/64 g"), owned: owns("3 fe80::7/128 g"),
			there: has("3 fe80::7/128 ours"), want: "add 2 fe80::7/64, remove 3 fe80::7/128"},
		{name: "old kernel: held", old: true, wanted: wants("2 192.0.2.1/24 g"), owned: owns("2 192.0.2.1/24 g"),
			there: has("2 192.0.2.1/24 finite"), want: "renew 2 192.0.2.1/24"},
		{name: "old kernel: the administrator's", old: true, wanted: wants("2 192.0.2.1/24 g"),
			owned: owns("2 192.0.2.1/24 g"), there: has("2 192.0.2.1/24"), want: "refuse"},
		{name: "old kernel: not in the owned set", old: true, wanted: wants("2 192.0.2.1/24 g"),
			there: has("2 192.0.2.1/24 finite"), want: "refuse"},
		{name: "old kernel: no more", old: true, owned: owns("2 192.0.2.1/24 g", "2 192.0.2.2/24 g"),
			there: has("2 192.0.2.1/24 finite", "2 192.0.2.2/24"), want: "remove 2 192.0.2.1/24, forget 2 192.0.2.2/24"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := decide("g", tt.wanted, tt.owned, tt.there, !tt.old)
			same(t, "change", text(c), tt.want)
			for _, err := range c.refused {
				if !errors.Is(err, ErrForeign) || !strings.Contains(err.Error(), "192.0.2.1/24") {
					t.Errorf("refusal %v does not name the address or is not ErrForeign", err)
				}
			}
		})
	}
}

func TestLeaves(t *testing.T) {
	there := has("2 192.0.2.1/24 ours", "2 192.0.2.2/24 secondary", "2 198.51.100.1/24 ours", "3 198.51.100.2/24 secondary",
		"2 203.0.113.1/24 ours", "2 203.0.113.2/25 secondary")
	for p, want := range map[string]bool{
		"192.0.2.1/24": true, "192.0.2.2/24": false, "198.51.100.1/24": false, "203.0.113.1/24": false,
	} {
		if got := leaves(there[key{2, prefix(p)}], there); got != want {
			t.Errorf("removing %s leaves something to keep: %v, want %v", p, got, want)
		}
	}
}

func TestAtLeast(t *testing.T) {
	for release, want := range map[string]bool{
		"5.10.0-8-amd64": false, "5.17.99": false, "5.18.0-rc1": true, "6.1.0-13-amd64": true, "4.19": false, "10.0": true,
	} {
		if got, err := atLeast(release, 5, 18); got != want || err != nil {
			t.Errorf("atLeast(%q, 5, 18) = %v, %v", release, got, err)
		}
	}
	if _, err := atLeast("unknown", 5, 18); err == nil {
		t.Error("a release that is none was read")
	}
}
