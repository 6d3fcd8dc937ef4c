package vrrp

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
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
		v3(51, 150, time.Second, ChecksumRFC5798, "172.20.10.4"),
		"31 33 96 01 00 64 eb a5 ac 14 0a 04"},
	{"multicast, message only", "172.20.10.5", "224.0.0.18",
		v3(51, 150, time.Second, ChecksumRFC9568, "172.20.10.4"),
		"31 33 96 01 00 64 82 4e ac 14 0a 04"},
	// 3101+0002+0FFF+0A00+0001+0A00+0002 = 5505; 0A00+0003+0A00+0004+0070+0010 = 1487;
	// together 698C, complement 9673.
	{"unicast, priority 0, longest interval, two addresses", "10.0.0.3", "10.0.0.4",
		v3(1, 0, 40950*time.Millisecond, ChecksumRFC5798, "10.0.0.1", "10.0.0.2"),
		"31 01 00 02 0f ff 96 73 0a 00 00 01 0a 00 00 02"},
	// 31FF+FF01+0001+0000+C000+0201 = 1F302, folded F303; complement 0CFC.
	{"owner, shortest interval, message only", "192.0.2.1", "224.0.0.18",
		v3(255, 255, 10*time.Millisecond, ChecksumRFC9568, "192.0.2.1"),
		"31 ff ff 01 00 01 0c fc c0 00 02 01"},
	// 3133+9602+0064 = C799; FE80+0200+5EFF+FE00+0233 = 25FB2; 2001+0DB8+0004 = 2DBD;
	// pseudo-header FE80+0005+FF02+0012+0028+0070 = 1FE31; together 55339, folded
	// 533E; complement ACC1.
	{"IPv6 multicast", "fe80::5", "ff02::12",
		v3(51, 150, time.Second, "", "fe80::200:5eff:fe00:233", "2001:db8::4"),
		"31 33 96 02 00 64 ac c1 fe80 0000 0000 0000 0200 5eff fe00 0233 2001 0db8 0000 0000 0000 0000 0000 0004"},
	{"IPv6 unicast, owner", "2001:db8::5", "2001:db8::6",
		v3(255, 255, 10*time.Millisecond, "", "fe80::200:5eff:fe00:2ff"),
		"31 ff ff 01 00 01 12 78 fe80 0000 0000 0000 0200 5eff fe00 02ff"},
	// 2133+9601+0001+AC14+0A04 = 16D4D, folded 6D4E; complement 92B1.
	{"version 2", "172.20.10.5", "224.0.0.18",
		v2(51, 150, time.Second, "", "172.20.10.4"),
		"21 33 96 01 00 01 92 b1 ac 14 0a 04 00 00 00 00 00 00 00 00"},
	// 2107+0002+01FF+0A00+0001+0A00+0002+7365+6372+6574+0000 = 17356, folded 7357;
	// complement 8CA8.
	{"version 2, password, longest interval", "10.0.0.3", "10.0.0.4",
		v2(7, 0, 255*time.Second, "secret", "10.0.0.1", "10.0.0.2"),
		"21 07 00 02 01 ff 8c a8 0a 00 00 01 0a 00 00 02 73 65 63 72 65 74 00 00"},
}

func v3(vrid, priority uint8, interval time.Duration, form ChecksumForm, addresses ...string) Advert {
	a := Advert{Version: Version3, VRID: vrid, Priority: priority, Interval: interval, Checksum: form}
	for _, s := range addresses {
		a.Addresses = append(a.Addresses, ip(s))
	}
	return a
}

func v2(vrid, priority uint8, interval time.Duration, auth Password, addresses ...string) Advert {
	a := v3(vrid, priority, interval, "", addresses...)
	a.Version, a.Auth = Version2, auth.auth()
	return a
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
	return a.Version == b.Version && a.Auth == b.Auth && a.VRID == b.VRID && a.Priority == b.Priority && a.Interval == b.Interval &&
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
		{"version 1", "113396010064eba5ac140a04", RejectVersion},
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

// RFC 3768 section 7.1 likewise: "MUST verify that the received packet contains
// the complete VRRP packet (including fixed fields, IP Address(es), and
// Authentication Data)"; and version 2 does not exist for IPv6.
func TestRFC3768Section7_1Discard(t *testing.T) {
	const good = "21339601000192b1ac140a040000000000000000"
	tests := []struct {
		name, src, wire string
		want            Reject
	}{
		{"good", "172.20.10.5", good, ""},
		{"no authentication data", "172.20.10.5", "21339601000192b1ac140a04", RejectLength},
		{"authentication data cut", "172.20.10.5", good[:len(good)-2], RejectLength},
		{"type 2", "172.20.10.5", "22" + good[2:], RejectType},
		{"count 0", "172.20.10.5", "21339600" + good[8:], RejectCount},
		// 0001 less in the sum: 92B1+0001.
		{"interval 0", "172.20.10.5", "21339601000092b2" + good[16:], RejectInterval},
		{"checksum", "172.20.10.5", good[:len(good)-2] + "01", RejectChecksum},
		// The message and a pseudo-header: 6D4E+96A8+0008 (20 bytes, not 12), complement FC01.
		{"checksum with a pseudo-header", "172.20.10.5", "213396010001fc01" + good[16:], RejectChecksum},
		{"over IPv6", "fe80::5", good, RejectVersion},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var a Advert
			_, err := a.Parse(unhex(t, tt.wire), ip(tt.src), group4)
			var got Reject
			if errors.As(err, &got); got != tt.want {
				t.Errorf("Parse = %v, want %q", err, tt.want)
			}
		})
	}
}

// RFC 9568 section 5.2.8: for IPv6 the pseudo-header is always part of the sum.
func TestRFC9568Section5_2_8IPv6(t *testing.T) {
	a := v3(51, 150, time.Second, ChecksumRFC9568, "fe80::1")
	b := a.Append(nil, ip("fe80::5"), group6)
	if _, err := a.Parse(b, ip("fe80::5"), group6); err != nil || a.Checksum != "" {
		t.Errorf("Parse = %v, form %q", err, a.Checksum)
	}
	if _, err := a.Parse(b, ip("fe80::6"), group6); !errors.Is(err, RejectChecksum) {
		t.Errorf("from another source: %v", err)
	}
	// Checksum of the message only.
	b[6], b[7] = 0, 0
	sum := ^fold(sum16(b))
	b[6], b[7] = byte(sum>>8), byte(sum)
	if _, err := a.Parse(b, ip("fe80::5"), group6); !errors.Is(err, RejectChecksum) {
		t.Errorf("message only: %v", err)
	}
	if _, err := a.Parse(b[:20], ip("fe80::5"), group6); !errors.Is(err, RejectLength) {
		t.Errorf("address cut: %v", err)
	}
}

// No interval reaches the four bits beside it.
func TestRFC9568Section5_2_6NothingSpills(t *testing.T) {
	for _, interval := range []time.Duration{0, time.Second, maxInterval, maxInterval + centisecond, time.Hour, -time.Second} {
		a := Advert{VRID: 1, Priority: 100, Interval: interval, Addresses: []netip.Addr{ip("10.0.0.1")}}
		b := a.Append(nil, ip("10.0.0.3"), group4)
		if b[4]>>4 != 0 || b[4]|b[5] == 0 {
			t.Errorf("%v is sent as % x", interval, b[4:6])
		}
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

func TestSeconds(t *testing.T) {
	for d, want := range map[time.Duration]byte{
		0: 1, time.Millisecond: 1, time.Second: 1, 2999 * time.Millisecond: 2, 255 * time.Second: 255, time.Hour: 255,
	} {
		if got := seconds(d); got != want {
			t.Errorf("seconds(%v) = %d, want %d", d, got, want)
		}
	}
}

func TestPasswordDoesNotPrint(t *testing.T) {
	c := RouterConfig{Auth: "geheim"}
	if s := fmt.Sprintf("%v %+v %s", c, c, c.Auth); strings.Contains(s, "geheim") {
		t.Error(s)
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

// FuzzAdvert: whatever the bytes, Parse ends with a reason or with an advert that
// Append writes as it was.
func FuzzAdvert(f *testing.F) {
	for _, tt := range golden {
		f.Add(unhex(f, tt.wire), ip(tt.src).AsSlice(), ip(tt.dst).AsSlice())
	}
	f.Fuzz(func(t *testing.T, wire, from, to []byte) {
		src, okSrc := netip.AddrFromSlice(from)
		dst, okDst := netip.AddrFromSlice(to)
		if !okSrc || !okDst || len(from) != len(to) {
			return
		}
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
		if a.Version == Version3 {
			message[4] &= 0x0f // reserved bits are not kept
		}
		if !bytes.Equal(again[:6], message[:6]) || !bytes.Equal(again[8:], message[8:]) {
			t.Fatalf("round trip: % x became % x", message, again)
		}
		var b Advert
		if _, err := b.Parse(again, src, dst); err != nil || !equalAdvert(a, b) && a.Checksum == b.Checksum {
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
