package vrrp

import (
	"bytes"
	"encoding/hex"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The checksums of these messages were added up by hand from RFC 1071. The first:
// 3133+9601+0064+0000+AC14+0A04 = 7DB1; pseudo-header AC14+0A05+E000+0012+0070+000C
// = 96A8; together 145A, complement EBA5; the message alone has complement 824E.
var golden = []struct {
	name     string
	src, dst string
	advert   Advert
	wire     string
}{
	{"multicast, pseudo-header", "172.20.10.5", "224.0.0.18",
		Advert{51, 150, time.Second, []netip.Addr{ip("172.20.10.4")}, ChecksumRFC5798},
		"31 33 96 01 00 64 eb a5 ac 14 0a 04"},
	{"multicast, message only", "172.20.10.5", "224.0.0.18",
		Advert{51, 150, time.Second, []netip.Addr{ip("172.20.10.4")}, ChecksumRFC9568},
		"31 33 96 01 00 64 82 4e ac 14 0a 04"},
	// 3101+0002+0FFF+0A00+0001+0A00+0002 = 5505; 0A00+0003+0A00+0004+0070+0010 = 1487;
	// together 698C, complement 9673.
	{"unicast, priority 0, longest interval, two addresses", "10.0.0.3", "10.0.0.4",
		Advert{1, 0, 40950 * time.Millisecond, []netip.Addr{ip("10.0.0.1"), ip("10.0.0.2")}, ChecksumRFC5798},
		"31 01 00 02 0f ff 96 73 0a 00 00 01 0a 00 00 02"},
	// 31FF+FF01+0001+0000+C000+0201 = 1F302, folded F303; complement 0CFC.
	{"owner, shortest interval, message only", "192.0.2.1", "224.0.0.18",
		Advert{255, 255, 10 * time.Millisecond, []netip.Addr{ip("192.0.2.1")}, ChecksumRFC9568},
		"31 ff ff 01 00 01 0c fc c0 00 02 01"},
}

func TestAdvertGolden(t *testing.T) {
	for _, tt := range golden {
		t.Run(tt.name, func(t *testing.T) {
			want := unhex(t, tt.wire)
			got := tt.advert.Append([]byte("kept"), ip(tt.src), ip(tt.dst))
			if !bytes.Equal(got, append([]byte("kept"), want...)) {
				t.Errorf("Append = % x, want % x", got[4:], want)
			}
			var a Advert
			rest, err := a.Parse(append(want, 1, 2, 3), ip(tt.src), ip(tt.dst))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(rest, []byte{1, 2, 3}) {
				t.Errorf("trailing = % x", rest)
			}
			if !equalAdvert(a, tt.advert) {
				t.Errorf("Parse = %+v, want %+v", a, tt.advert)
			}
		})
	}
}

func equalAdvert(a, b Advert) bool {
	return a.VRID == b.VRID && a.Priority == b.Priority && a.Interval == b.Interval &&
		a.Checksum == b.Checksum && slices.Equal(a.Addresses, b.Addresses)
}

// RFC 9568 section 7.1: "If any one of the above checks fails, the receiver MUST
// discard the packet." The TTL and the VRID are the engine's to check.
func TestRFC9568Section7_1Discard(t *testing.T) {
	const good = "313396010064eba5ac140a04"
	tests := []struct {
		name, wire string
		want       Reject
	}{
		{"empty", "", RejectLength},
		{"seven bytes", "313396010064eb", RejectLength},
		{"version 2", "213396010064eba5ac140a04", RejectVersion},
		{"version 4", "413396010064eba5ac140a04", RejectVersion},
		{"type 2", "323396010064eba5ac140a04", RejectType},
		{"type 0", "303396010064eba5ac140a04", RejectType},
		{"count 0 (section 5.2.5)", "313396000064385c", RejectCount},
		{"address cut", "313396010064eba5ac140a", RejectLength},
		{"count beyond the packet", "313396020064eba5ac140a04", RejectLength},
		{"checksum", "313396010064eba6ac140a04", RejectChecksum},
		{"checksum zero", "3133960100640000ac140a04", RejectChecksum},
		// 0064 less in the sum: EBA5+0064 = EC09.
		{"interval 0 (erratum 8301)", "313396010000ec09ac140a04", RejectInterval},
	}
	var a Advert
	if _, err := a.Parse(unhex(t, good), ip("172.20.10.5"), group4); err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := a.Parse(unhex(t, tt.wire), ip("172.20.10.5"), group4)
			var got Reject
			if !errors.As(err, &got) || got != tt.want {
				t.Errorf("Parse = %v, want %q", err, tt.want)
			}
		})
	}
}

// RFC 9568 section 5.2.6: the reserved field is ignored on reception.
func TestRFC9568Section5_2_6ReservedIgnored(t *testing.T) {
	var a Advert
	// F000 more in the sum: 824E-F000 = 924D in one's complement.
	if _, err := a.Parse(unhex(t, "31339601f064924dac140a04"), ip("172.20.10.5"), group4); err != nil || a.Interval != time.Second {
		t.Errorf("Parse = %v, interval %v", err, a.Interval)
	}
}

func TestTablesOfReasonsFitTheirCounters(t *testing.T) {
	var c traffic
	if len(Rejects) != len(c.rejected) || len(Mismatches) != len(c.mismatched) {
		t.Errorf("%d reasons, %d oddities", len(Rejects), len(Mismatches))
	}
}

func TestCentiseconds(t *testing.T) {
	for d, want := range map[time.Duration]uint16{
		0: 1, time.Millisecond: 1, 10 * time.Millisecond: 1, 19 * time.Millisecond: 1,
		time.Second: 100, 40950 * time.Millisecond: 4095, time.Hour: 4095,
	} {
		if got := centiseconds(d); got != want {
			t.Errorf("centiseconds(%v) = %d, want %d", d, got, want)
		}
	}
}

func TestAppendAtMost255Addresses(t *testing.T) {
	a := Advert{VRID: 1, Priority: 1, Interval: time.Second, Checksum: ChecksumRFC5798}
	for i := range 300 {
		a.Addresses = append(a.Addresses, netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}))
	}
	b := a.Append(nil, ip("10.1.0.1"), group4)
	var got Advert
	if rest, err := got.Parse(b, ip("10.1.0.1"), group4); err != nil || len(rest) != 0 || len(got.Addresses) != 255 {
		t.Errorf("Parse = %d addresses, %d trailing, %v", len(got.Addresses), len(rest), err)
	}
}

func FuzzAdvert(f *testing.F) {
	for _, tt := range golden {
		f.Add(unhex(f, tt.wire), uint32(0xac140a05), uint32(0xe0000012))
	}
	f.Fuzz(func(t *testing.T, wire []byte, from, to uint32) {
		src := netip.AddrFrom4([4]byte{byte(from >> 24), byte(from >> 16), byte(from >> 8), byte(from)})
		dst := netip.AddrFrom4([4]byte{byte(to >> 24), byte(to >> 16), byte(to >> 8), byte(to)})
		var a Advert
		rest, err := a.Parse(wire, src, dst)
		if err != nil {
			var r Reject
			if !errors.As(err, &r) || !slices.Contains(Rejects, r) {
				t.Fatalf("Parse: %v is not a reason", err)
			}
			return
		}
		again := a.Append(nil, src, dst)
		message := slices.Clone(wire[:len(wire)-len(rest)])
		message[4] &= 0x0f // reserved bits are not kept
		if !bytes.Equal(again[:6], message[:6]) || !bytes.Equal(again[8:], message[8:]) {
			t.Fatalf("round trip: % x became % x", message, again)
		}
		var b Advert
		if _, err := b.Parse(again, src, dst); err != nil || b.Priority != a.Priority || !slices.Equal(a.Addresses, b.Addresses) {
			t.Fatalf("our own message: %v, %+v", err, b)
		}
	})
}

func BenchmarkAdvertAppend(b *testing.B) {
	a, buf := golden[0].advert, make([]byte, 0, 64)
	src := ip("172.20.10.5")
	b.ReportAllocs()
	for b.Loop() {
		buf = a.Append(buf[:0], src, group4)
	}
}
