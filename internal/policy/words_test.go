package policy

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"failover/check"
)

func TestMergeWords(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(s), 0).UTC() }
	id := check.ID{VirtualServer: "web", RealServer: "web1"}
	for _, c := range []struct {
		name        string
		have, told  Override
		heard, says bool // have and told are there at all
		want        Override
		news        bool
	}{
		{"the first word", Override{}, Override{Kind: Drain, Since: at(1)}, false, true, Override{Kind: Drain, Since: at(1)}, true},
		{"a later one", Override{Kind: Drain, Since: at(1), Drained: true}, Override{Kind: Disable, Since: at(2)}, true, true, Override{Kind: Disable, Since: at(2)}, true},
		{"an older one", Override{Kind: Disable, Since: at(2)}, Override{Kind: Drain, Since: at(1)}, true, true, Override{Kind: Disable, Since: at(2)}, false},
		{"ended", Override{Kind: Disable, Since: at(1)}, Override{Since: at(2)}, true, true, Override{Since: at(2)}, true},
		{"ended before", Override{Kind: Disable, Since: at(3)}, Override{Since: at(2)}, true, true, Override{Kind: Disable, Since: at(3)}, false},
		{"not heard that it has ended", Override{Since: at(3)}, Override{Kind: Drain, Since: at(2)}, true, true, Override{Since: at(3)}, false},
		{"the same word", Override{Kind: Drain, Since: at(1), Drained: true}, Override{Kind: Drain, Since: at(1)}, true, true, Override{Kind: Drain, Since: at(1), Drained: true}, false},
		{"now after all", Override{Kind: Drain, Since: at(1), Drained: true}, Override{Kind: Drain, Since: at(1), Now: true}, true, true, Override{Kind: Drain, Since: at(1), Now: true, Drained: true}, true},
		{"its drain is over", Override{}, Override{Kind: Drain, Since: at(1), Drained: true}, false, true, Override{Kind: Drain, Since: at(1)}, true},
		{"of a newer version", Override{}, Override{Kind: "warm up", Since: at(1)}, false, true, Override{}, false},
	} {
		all := map[check.ID]Override{}
		if c.heard {
			all[id] = c.have
		}
		news := MergeWords(all, map[check.ID]Override{id: c.told})
		if all[id] != c.want || (len(news) == 1) != c.news {
			t.Errorf("%s: %+v, news %v", c.name, all[id], news)
		}
	}
}

// TestWordsAgree: whatever is said where and heard in whatever order, with losses, the
// directors have the same words once each has heard the others.
func TestWordsAgree(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	rnd := rand.New(rand.NewPCG(seed, 0))
	for run := range 2000 {
		dirs := []map[check.ID]Override{{}, {}, {}}
		for range 30 {
			d := dirs[rnd.IntN(3)]
			id := check.ID{VirtualServer: "web", RealServer: fmt.Sprint(rnd.IntN(3))}
			switch rnd.IntN(3) {
			case 0:
				d[id] = Override{
					Kind: []OverrideKind{"", Drain, Disable, Weigh}[rnd.IntN(4)], Weight: rnd.IntN(2),
					Now: rnd.IntN(2) == 0, Since: time.Unix(int64(1+rnd.IntN(5)), 0), Drained: rnd.IntN(2) == 0,
				}
			default:
				MergeWords(d, maps.Clone(dirs[rnd.IntN(3)]))
			}
		}
		for range 2 {
			for i := range dirs {
				for j := range dirs {
					MergeWords(dirs[i], maps.Clone(dirs[j]))
				}
			}
		}
		for i := range dirs {
			if !reflect.DeepEqual(words(dirs[i]), words(dirs[0])) {
				t.Fatalf("seed %d, run %d: %v and %v", seed, run, dirs[i], dirs[0])
			}
		}
	}
}

func words(m map[check.ID]Override) map[check.ID]Override {
	all := map[check.ID]Override{}
	for id, o := range m {
		all[id] = o.Word()
	}
	return all
}
