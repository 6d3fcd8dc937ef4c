package engine

import (
	"testing"
	"time"
)

// announces tells the announcements of the outside address by a director.
func (p *pair) announces(mac string) func(frame) bool {
	return func(f frame) bool {
		return f.op != 0 && f.src == outside && f.target == outside && f.from.String() == mac
	}
}

// TestLinkUpIsAnnounced: a director that is alone and gets its cable back tells
// the segment where the address is.
func TestLinkUpIsAnnounced(t *testing.T) {
	p := newPair(t, spec{only: "outside"})
	wire := p.tap(p.Client, "eth0")
	p.start(p.LB1)
	p.holder(p.LB1)
	p.must(p.Cut(p.LB1, "outside"))
	p.await(5*time.Second, "lb1 is in fault", func() bool { return p.router(p.LB1, "outside").State == "fault" })
	up := time.Now()
	p.must(p.Restore(p.LB1, "outside"))
	p.holder(p.LB1)
	wire.first(up, 5*time.Second, "an announcement", p.announces(p.mac(p.LB1, "eth2")))
}

// TestSplitIsAnnouncedOver: after a split in which both were master the winner is
// the last to announce, whatever the loser announced until the end of it.
func TestSplitIsAnnouncedOver(t *testing.T) {
	p := newPair(t, spec{router: `announce = { times = ["0s", "1s"], refresh = "1s" }`})
	wire := p.tap(p.Client, "eth0")
	p.settled()
	winner, loser := p.announces(p.mac(p.LB1, "eth2")), p.announces(p.mac(p.LB2, "eth2"))
	p.must(p.Isolate(p.LB1))
	split := time.Now()
	wire.first(split, 10*time.Second, "the other half learns that lb2 has it", loser)
	p.must(p.Restore(p.LB1))
	healed := time.Now()
	p.holder(p.LB1)
	over := wire.first(healed, 5*time.Second, "lb1 announces over it", winner)
	if d := over.at.Sub(healed); d > time.Second {
		t.Errorf("lb1 announced %v after the split was over", d)
	}
	p.never(2*time.Second, "lb2 announces after it has given way", func() bool {
		all := wire.frames(loser)
		return len(all) > 0 && all[len(all)-1].at.Sub(over.at) > 200*time.Millisecond
	})
}
