//go:build linux

package ipvs

import (
	"hash/fnv"
	"strings"
	"testing"
)

// procText is /proc/net/ip_vs of Linux 6.1.
const procText = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  AC140A04:0050 rr  
  -> C0A8215C:0050      Masq    1      0          0         
  -> C0A8215D:0050      Masq    1      0          0         
TCP  [2001:0db8:0000:0000:0000:0000:0000:0004]:0050 sh 
  -> [2001:0db8:0000:0000:0000:0000:0000:0005]:0050      Route   1      0          0         
FWM  00000007 wlc ops 
`

func TestHashProc(t *testing.T) {
	hash := func(text string) uint64 {
		t.Helper()
		h := fnv.New64a()
		if err := hashProc(h, strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
		return h.Sum64()
	}
	base := hash(procText)
	tests := []struct {
		name, old, new string
		same           bool
	}{
		{"connections", "1      0          0         ", "1      17         1234567890", true},
		{"weight", "Masq    1", "Masq    2", false},
		{"method", "Masq ", "Route", false},
		{"scheduler", "0050 rr", "0050 wrr", false},
		{"server", "C0A8215D", "C0A8215E", false},
		{"service gone", "FWM  00000007 wlc ops \n", "", false},
		{"sequence", "C0A8215C:0050      Masq    1      0          0         \n  -> C0A8215D", "C0A8215D:0050      Masq    1      0          0         \n  -> C0A8215C", false},
	}
	for _, tt := range tests {
		changed := strings.Replace(procText, tt.old, tt.new, 1)
		if changed == procText {
			t.Fatalf("%s: nothing replaced", tt.name)
		}
		if same := hash(changed) == base; same != tt.same {
			t.Errorf("%s: same hash %v, want %v", tt.name, same, tt.same)
		}
	}
}
