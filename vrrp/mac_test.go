package vrrp

import (
	"encoding/json"
	"testing"
)

// RFC 9568 section 7.3.
func TestVirtualMAC(t *testing.T) {
	for _, tt := range []struct {
		vrid uint8
		ipv6 bool
		want string
	}{
		{51, false, "00:00:5e:00:01:33"}, {1, false, "00:00:5e:00:01:01"}, {255, true, "00:00:5e:00:02:ff"},
	} {
		m := VirtualMAC(tt.vrid, tt.ipv6)
		if m.String() != tt.want || m.IPv6() != tt.ipv6 {
			t.Errorf("VRID %d: %s, IPv6 %v; want %s", tt.vrid, m, m.IPv6(), tt.want)
		}
		text, err := json.Marshal(m)
		var back MAC
		if err != nil || json.Unmarshal(text, &back) != nil || back != m {
			t.Errorf("%s comes back as %s from %s: %v", m, back, text, err)
		}
	}
	var none MAC
	if err := json.Unmarshal([]byte(`""`), &none); err != nil || none != (MAC{}) || none.String() != "" {
		t.Errorf("%q, %v", none, err)
	}
	if err := none.UnmarshalText([]byte("02:00:5e:10:00:00:00:01")); err == nil {
		t.Error("eight bytes are taken for an ethernet address")
	}
}

// Every name is one that the kernel takes, and no two devices share one.
func TestDeviceName(t *testing.T) {
	owner := map[string]string{}
	for _, index := range []int{1, 2, 3, 10, 25, 36, 351, 999, 3251, 99999, 100000, 1 << 20, 1<<31 - 1} {
		for vrid := 1; vrid <= 255; vrid++ {
			for _, ipv6 := range []bool{false, true} {
				m := VirtualMAC(uint8(vrid), ipv6)
				name := DeviceName(index, m)
				who := m.String() + " on " + string(rune(index))
				if len(name) > 15 || owner[name] != "" {
					t.Fatalf("%q for %s and %s", name, who, owner[name])
				}
				owner[name] = who
			}
		}
	}
	for want, got := range map[string]string{
		"vrrp4-3-51": DeviceName(3, VirtualMAC(51, false)), "vrrp6-99999-255": DeviceName(99999, VirtualMAC(255, true)),
		"v4-zik0zj-255": DeviceName(1<<31-1, VirtualMAC(255, false)),
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
