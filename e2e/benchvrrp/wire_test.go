package main

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestDissect(t *testing.T) {
	frame := func(text string) []byte {
		b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	const ethernet = "01005e000012 020000000001 0800"
	const ip = "45c0 0020 0000 0000 ff70 0000 ac140a05 e0000012"
	at := time.Unix(7, 0)
	got, ok := dissect(at, frame(ethernet+ip+"3133 9601 0064 0000 ac140a04"))
	want := advert{at: at, src: netip.MustParseAddr("172.20.10.5"), vrid: 0x33, priority: 150}
	if !ok || got != want {
		t.Errorf("%+v, %t, want %+v", got, ok, want)
	}
	for name, b := range map[string][]byte{
		"ARP":            frame("ffffffffffff 020000000001 0806" + ip + "31339601"),
		"UDP":            frame(ethernet + strings.Replace(ip, "ff70", "ff11", 1) + "3133960100640000"),
		"nothing":        nil,
		"a cut one":      frame(ethernet + ip + "3133"),
		"a header alone": frame(ethernet),
	} {
		if got, ok := dissect(at, b); ok {
			t.Errorf("%s: %+v, want none", name, got)
		}
	}
}

func TestTakeOvers(t *testing.T) {
	for _, c := range []struct {
		name    string
		adverts string // a second and a priority each
		want    int
	}{
		{"a quiet backup", "", 0},
		{"one long mastership", "1s/100 1.01s/100 1.02s/100 2s/100", 1},
		{"two", "1s/100 1.01s/100 2.5s/100", 2},
		{"words of parting", "1s/1 3s/0", 0},
		{"resigned", "1s/100 1.01s/0 2.02s/100", 2},
	} {
		var list []advert
		for f := range strings.FieldsSeq(c.adverts) {
			when, priority, _ := strings.Cut(f, "/")
			d, err := time.ParseDuration(when)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, advert{at: time.Unix(1000, 0).Add(d), priority: map[string]uint8{"100": 100, "1": 1, "0": 0}[priority]})
		}
		if got := takeOvers(list); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func TestLate(t *testing.T) {
	const ms = time.Millisecond
	var adverts []advert
	for _, at := range []time.Duration{0, 10 * ms, 23 * ms, 30 * ms, 42 * ms} {
		adverts = append(adverts, advert{at: time.Unix(0, 0).Add(at)})
	}
	got := late(intervals(adverts, 10*ms), "99", "99.9", "most")
	if len(got) != 3 || got["99"] != 3 || got["99.9"] != 3 || got["most"] != 3 {
		t.Errorf("%v, want 3 ms at most", got)
	}
	if got := late(nil, "", "", "most"); len(got) != 1 || got["most"] != 0 {
		t.Errorf("of nothing %v", got)
	}
}
