package host

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"failover/lvs"
)

func keyOf(p lvs.Protocol, address string) lvs.Key {
	return lvs.Key{Protocol: p, Address: netip.MustParseAddrPort(address)}
}

func TestRulesetOfAGuard(t *testing.T) {
	r := rulesetOf(Desired{Guard: Guard{
		Services: []lvs.Key{
			keyOf(lvs.UDP, "10.0.0.1:53"), keyOf(lvs.TCP, "10.0.0.1:80"), keyOf(lvs.TCP, "10.0.0.1:80"),
			keyOf(lvs.TCP, "[::ffff:10.0.0.2]:80"), {Protocol: lvs.TCP}, // the last: a service without an address
		},
		Replies: []lvs.Key{keyOf(lvs.TCP, "[fd00::1]:8080")},
	}}, nil, nil)
	want := map[string][]string{
		"services4": {
			"\x0a\x00\x00\x01\x06\x00\x00\x00\x00\x50\x00\x00",
			"\x0a\x00\x00\x01\x11\x00\x00\x00\x00\x35\x00\x00",
			"\x0a\x00\x00\x02\x06\x00\x00\x00\x00\x50\x00\x00",
		},
		"replies6": {"\xfd\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x06\x00\x00\x00\x1f\x90\x00\x00"},
	}
	if fmt.Sprint(r) != fmt.Sprint(ruleset(want)) {
		t.Errorf("got  %q\nwant %q", r, want)
	}
}

func TestApplyGuardWritesOnlyWhatDiffers(t *testing.T) {
	one := rulesetOf(Desired{Guard: Guard{Services: []lvs.Key{keyOf(lvs.TCP, "10.0.0.1:80")}}}, nil, nil)
	two := rulesetOf(Desired{Guard: Guard{Services: []lvs.Key{keyOf(lvs.TCP, "10.0.0.2:80")}}}, nil, nil)
	kernel := &fakeTable{}
	for i, step := range []struct {
		want   ruleset
		writes int
	}{{ruleset{}, 0}, {one, 1}, {one, 1}, {two, 2}, {two, 2}, {ruleset{}, 3}, {ruleset{}, 3}} {
		if _, err := applyGuard(kernel, step.want); err != nil || kernel.writes != step.writes {
			t.Errorf("step %d: %d writes, want %d, %v", i, kernel.writes, step.writes, err)
		}
	}
	kernel.err = unix.EPROTONOSUPPORT
	if _, err := applyGuard(kernel, ruleset{}); err != nil {
		t.Errorf("nothing to guard, no nftables: %v", err)
	}
	if _, err := applyGuard(kernel, one); !errors.Is(err, unix.EPROTONOSUPPORT) {
		t.Errorf("something to guard, no nftables: %v", err)
	}
}

func TestDropCommentsDiffer(t *testing.T) {
	seen := map[string]bool{}
	for _, d := range rules {
		if seen[d.comment] || len(d.comment) > 127 {
			t.Errorf("%s: comment %q", d.set, d.comment)
		}
		seen[d.comment] = true
	}
}
