package linux

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"failover/internal/state"
	"failover/vrrp"
)

// TestSetsThatWaitAreSettledTogether: a hundred groups that take over at the same
// moment, and let go at the same moment.
func TestSetsThatWaitAreSettledTogether(t *testing.T) {
	m, _ := pair(t)
	h := newHost(m)
	const groups = 100
	all := func(hold bool) (added []int) {
		added = make([]int, groups)
		h.mu.Lock()
		var sets sync.WaitGroup
		for i := range added {
			o := vrrp.Owned{Group: fmt.Sprintf("g%d", i)}
			if hold {
				o.Addresses = []vrrp.OwnedAddress{{
					Router: "r", Interface: "eth0", Address: prefix(fmt.Sprintf("198.51.100.%d/32", i+1)), LeaseSecs: 30,
				}}
			}
			sets.Go(func() {
				var err error
				if added[i], err = h.Set(context.Background(), o); err != nil {
					t.Error(err)
				}
			})
		}
		m.eventually(fmt.Sprintf("%d of them wait", groups), func() (bool, error) {
			h.requests.mu.Lock()
			defer h.requests.mu.Unlock()
			return len(h.requests.list) == groups, nil
		})
		h.mu.Unlock()
		sets.Wait()
		return added
	}
	same(t, "added", all(true), strings.TrimSpace("["+strings.Repeat("1 ", groups-1)+"1]"))
	same(t, "on disk", len(h.onDisk()), groups)
	same(t, "on eth0", len(m.addresses("eth0")), groups+1)
	same(t, "added again", all(true), "["+strings.Repeat("0 ", groups-1)+"0]")
	all(false)
	same(t, "addresses", m.addresses("eth0"), "[192.0.2.1/24]")
	same(t, "on disk", len(h.onDisk()), 0)
}

// TestApart: what one request takes another one must not settle beside it.
func TestApart(t *testing.T) {
	h := &Host{owned: ownedSet{store: &state.Store[[]Held]{}, log: slog.New(slog.DiscardHandler)}}
	h.owned.hold([]Held{{Group: "a", Interface: "eth0", Index: 2, Address: prefix("192.0.2.10/24")}})
	set := func(text string) *request {
		words := strings.Fields(text)
		r := &request{owned: vrrp.Owned{Group: words[0]}}
		for _, w := range words[1:] {
			r.owned.Addresses = append(r.owned.Addresses, vrrp.OwnedAddress{Interface: "eth0", Address: prefix(w)})
		}
		return r
	}
	for _, c := range []struct{ name, list, round, rest string }{
		{"strangers", "b 192.0.2.11/24, c 192.0.2.12/24", "b c", ""},
		{"one group twice", "b 192.0.2.11/24, b", "b", "b"},
		{"the same address", "b 192.0.2.11/24, c 192.0.2.11/32, d 192.0.2.12/24", "b d", "c"},
		{"what the other has", "a, b 192.0.2.10/24", "a", "b"},
		{"and the other way round", "b 192.0.2.10/24, a", "b", "a"},
	} {
		var list []*request
		for text := range strings.SplitSeq(c.list, ",") {
			list = append(list, set(text))
		}
		names := func(list []*request) string {
			var out []string
			for _, r := range list {
				out = append(out, r.owned.Group)
			}
			return strings.Join(out, " ")
		}
		round, rest := h.apart(list)
		same(t, c.name+": round", names(round), c.round)
		same(t, c.name+": rest", names(rest), c.rest)
	}
}
