package lvs

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

const connText = `Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData
UDP AC140A01 9C40 AC140A04 0035 C0A8215C 0035 UDP             299
TCP AC140A01 9C41 AC140A04 0050 C0A8215D 1F90 ESTABLISHED     900
TCP 20010db8000000000000000000000001 9C42 20010db8000000000000000000000004 0050 fd000000000000000000000000000002 0050 SYN_RECV         59
TCP AC140A01 0000 AC140A04 0050 C0A8215D 0050 NONE             50
`

func TestReadConns(t *testing.T) {
	// %pI6 writes colons.
	text := strings.NewReplacer("20010db8000000000000000000000001", "2001:0db8:0000:0000:0000:0000:0000:0001",
		"20010db8000000000000000000000004", "2001:0db8:0000:0000:0000:0000:0000:0004",
		"fd000000000000000000000000000002", "fd00:0000:0000:0000:0000:0000:0000:0002").Replace(connText)
	var got []Conn
	if err := ReadConns(strings.NewReader(text), func(c Conn) { got = append(got, c) }); err != nil {
		t.Fatal(err)
	}
	at := netip.MustParseAddrPort
	want := []Conn{
		{UDP, at("172.20.10.1:40000"), at("172.20.10.4:53"), at("192.168.33.92:53"), "UDP", 299 * time.Second, false, false},
		{TCP, at("172.20.10.1:40001"), at("172.20.10.4:80"), at("192.168.33.93:8080"), "ESTABLISHED", 900 * time.Second, false, false},
		{TCP, at("[2001:db8::1]:40002"), at("[2001:db8::4]:80"), at("[fd00::2]:80"), "SYN_RECV", 59 * time.Second, false, false},
		{TCP, at("172.20.10.1:0"), at("172.20.10.4:80"), at("192.168.33.93:80"), "NONE", 50 * time.Second, true, false},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	// With the origin: the state and what follows stand apart.
	origin := strings.NewReplacer("UDP             299", "UDP         LOCAL      299", "ESTABLISHED     900", "ESTABLISHED SYNC       900",
		"SYN_RECV         59", "SYN_RECV    LOCAL       59", "NONE             50", "NONE        SYNC        50").Replace(text)
	got = nil
	if err := ReadConns(strings.NewReader(origin), func(c Conn) { got = append(got, c) }); err != nil {
		t.Fatal(err)
	}
	want[1].Told, want[3].Told = true, true
	if !reflect.DeepEqual(got, want) {
		t.Errorf("with the origin: got %v\nwant %v", got, want)
	}
	for _, bad := range []string{"TCP AC140A01", strings.Replace(origin, "LOCAL", "ELSEWHERE", 1), strings.Replace(text, " 299", " SYNC", 1), strings.Replace(text, "9C40", "9C40Z", 1), strings.Replace(text, "AC140A01", "AC14", 1), strings.Replace(text, "299", "-1", 1)} {
		if err := ReadConns(strings.NewReader("headline\n"+bad), func(Conn) {}); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

// TestSyncMessage holds one message of each family, byte for byte, against the
// kernel's structures.
func TestSyncMessage(t *testing.T) {
	at := netip.MustParseAddrPort
	four := Move{
		Conn: Conn{Protocol: TCP, Client: at("172.20.10.1:40001"), Virtual: at("172.20.10.4:80"), Expires: 900 * time.Second},
		To:   Server{Address: at("192.168.33.92:8080"), Forward: NAT},
	}
	six := Move{
		Conn:   Conn{Protocol: UDP, Client: at("[2001:db8::1]:40002"), Virtual: at("[2001:db8::4]:53")},
		To:     Server{Address: at("[fd00::2]:0"), Forward: DR},
		FWMark: 7,
	}
	want4 := "00" + "33" + "002c" + "01" + "01" + "0000" + // header: sync ID 51, 44 bytes, 1 connection, version 1
		"00" + "06" + "0024" + "00000000" + "0001" + "9c41" + "0050" + "1f90" + "00000000" + "00000384" + "ac140a01" + "ac140a04" + "c0a8215c"
	conn6 := func(flags string) string {
		return "01" + "11" + "0048" + flags + "0000" + "9c42" + "0035" + "0035" + "00000007" + "00000001" +
			"20010db8000000000000000000000001" + "20010db8000000000000000000000004" + "fd000000000000000000000000000002"
	}
	want6 := "00" + "33" + "0098" + "02" + "01" + "0000" + conn6("00000003") + conn6("00000103")
	for want, move := range map[string]Move{want4: four, want6: six} {
		got := SyncMessages(51, []Move{move})
		if len(got) != 1 || hex.EncodeToString(got[0]) != want {
			t.Errorf("got  %x\nwant %s", got, want)
		}
	}
	many := SyncMessages(51, slices.Repeat([]Move{four, six}, 100))
	conns := 0
	for _, m := range many {
		conns += int(m[4])
		if len(m) > syncLongest || !bytes.Equal(m[2:4], []byte{byte(len(m) >> 8), byte(len(m))}) {
			t.Errorf("message of %d bytes says %x", len(m), m[2:4])
		}
	}
	if conns != 300 || SyncMessages(51, nil) != nil {
		t.Errorf("%d connections in %d messages, want 300", conns, len(many))
	}
}
