package engine

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// many is the file of a pair with two virtual routers of 250 addresses each.
func many() (string, []netip.Addr) {
	var b strings.Builder
	var all []netip.Addr
	b.WriteString("[director.lb1]\naddress = \"192.168.33.91\"\npriority = 150\n[director.lb2]\naddress = \"192.168.33.94\"\n")
	for i := range 2 {
		var list []string
		for n := range 250 {
			a := netip.AddrFrom4([4]byte{10, 9, byte(i), byte(n + 1)})
			all = append(all, a)
			list = append(list, fmt.Sprintf("%q", a.String()+"/16"))
		}
		fmt.Fprintf(&b, "[virtual_router.r%d]\ninterface = \"eth2\"\nvrid = %d\nadvert_interval = \"100ms\"\naddresses = [%s]\n",
			i, 51+i, strings.Join(list, ", "))
	}
	return b.String(), all
}

// TestHundredsOfAddresses: 500 of them are announced completely, spread over half
// a second, and neither that nor adding them makes an advert late.
func TestHundredsOfAddresses(t *testing.T) {
	p := newPair(t, spec{only: "outside"})
	file, all := many()
	p.must(p.LB1.WriteFile(configFile, []byte(file), 0o644))
	wire := p.tap(p.Client, "eth0")
	p.start(p.LB1)
	mac := p.mac(p.LB1, "eth2")
	announced := func() []frame {
		return wire.frames(func(f frame) bool { return f.op == 1 && f.src == f.target && f.from.String() == mac })
	}
	distinct := func() int {
		seen := map[netip.Addr]bool{}
		for _, f := range announced() {
			seen[f.src] = true
		}
		return len(seen)
	}
	defer func() {
		if t.Failed() {
			t.Logf("%d announcements of %d addresses were seen, of %d; the director says %+v", len(announced()), distinct(), len(all), p.router(p.LB1, "r0"))
		}
	}()
	p.await(20*time.Second, "every address is announced", func() bool { return distinct() == len(all) })
	p.await(20*time.Second, "the round of 5 s is over", func() bool {
		got := announced()
		return got[len(got)-1].at.Sub(got[0].at) > 5*time.Second && time.Since(got[len(got)-1].at) > time.Second
	})
	got := announced()
	begin, most := 0, 0
	for i := range got {
		for got[i].at.Sub(got[begin].at) >= 100*time.Millisecond {
			begin++
		}
		most = max(most, i-begin+1)
	}
	// Who wakes late makes up for it, and the capture has its own clock.
	if most > 200 {
		t.Errorf("%d requests within 100 ms", most)
	}
	figure(t, "requests within 100 ms", float64(most), "")
	if len(got) < 3*len(all) {
		t.Errorf("%d announcements of %d addresses", len(got), len(all))
	}
	for i := range 2 {
		r := p.router(p.LB1, fmt.Sprintf("r%d", i))
		if r.State != "master" || r.Transitions != 2 {
			t.Errorf("%+v", r)
		}
	}
	said := wire.adverts(speaks["lb1"][0], got[0].at)
	for _, vrid := range vrids {
		var one []frame
		for _, f := range said {
			if f.vrid == vrid {
				one = append(one, f)
			}
		}
		if gap := longest(one); gap > 200*time.Millisecond {
			t.Errorf("VRID %d: adverts up to %v apart", vrid, gap)
		}
	}
}
