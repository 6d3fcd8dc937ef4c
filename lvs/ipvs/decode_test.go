//go:build linux

package ipvs

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"failover/lvs"
)

func key(address string) lvs.Key {
	return lvs.Key{Protocol: lvs.TCP, Address: netip.MustParseAddrPort(address)}
}

func TestNetmask(t *testing.T) {
	four, six := key("172.20.10.4:80"), key("[2001:db8::4]:80")
	tests := []struct {
		key  lvs.Key
		mask uint8
		want [4]byte // as it stands in memory, IPv4
		len  uint32  // IPv6
	}{
		{key: four, mask: 0, want: [4]byte{255, 255, 255, 255}},
		{key: four, mask: 24, want: [4]byte{255, 255, 255, 0}},
		{key: four, mask: 1, want: [4]byte{128, 0, 0, 0}},
		{key: six, mask: 0, len: 128},
		{key: six, mask: 64, len: 64},
	}
	for _, tt := range tests {
		got, err := netmask(lvs.Service{Key: tt.key, Mask: tt.mask})
		want := tt.len
		if !tt.key.Is6() {
			want = binary.NativeEndian.Uint32(tt.want[:])
		}
		if err != nil || got != want {
			t.Errorf("%s mask %d: %#x, %v; want %#x", tt.key, tt.mask, got, err, want)
		}
		if back := maskLength(tt.key, got); back != tt.mask {
			t.Errorf("%s mask %d came back as %d", tt.key, tt.mask, back)
		}
	}
	for _, s := range []lvs.Service{{Key: four, Mask: 33}, {Key: six, Mask: 129}, {Key: four, Mask: lvs.MaskOther}} {
		if _, err := netmask(s); err == nil {
			t.Errorf("%s mask %d was taken", s.Key, s.Mask)
		}
	}
	odd := binary.NativeEndian.Uint32([]byte{255, 0, 255, 0})
	for raw, k := range map[uint32]lvs.Key{odd: four, 0: six} {
		if got := maskLength(k, raw); got != lvs.MaskOther {
			t.Errorf("%s raw mask %#x read as %d", k, raw, got)
		}
	}
}

// FuzzDecode: whatever the bytes, decoding ends with a value or an error.
func FuzzDecode(f *testing.F) {
	f.Add([]byte{8, 0, 1, 0, 2, 0, 0, 0})
	f.Add([]byte{7, 0, 1, 0, 2, 0, 0}) // without padding
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := parseAttributes(b)
		if err != nil {
			return
		}
		_, _ = decodeService(a)
		_, _ = decodeServer(a)
		_, _ = decodeDaemon(a)
	})
}
