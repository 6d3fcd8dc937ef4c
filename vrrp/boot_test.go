package vrrp

import (
	"testing"
	"time"
)

// A start, a restart and the boot of all together on a segment that loses a tenth
// of all adverts. A master that is not heard three times in a row is dead by the
// protocol, so now and then there has to be a second one; how seldom is held here.
// Two masters while an advert is under way are a hand-over.
const underWay = time.Millisecond

// boots plays a beginning on many streets, with loss and without, and returns how
// often there was a second master, and how often anybody but the one who was master
// first changed its role afterwards.
func boots(t *testing.T, play func(s *street, loss float64)) (second, moved, of int) {
	for _, loss := range []float64{0, 0.1} {
		streets(func(seed uint64) {
			s := newStreet(t, seed, func(s *street, h *house, c *GroupConfig) {
				c.Priority = [...]uint8{150, 100, 60, 20}[h.id]
				c.Preempt = s.rng.IntN(2) == 0
			})
			play(s, loss)
			first, before := s.masters(), len(s.log)
			s.run(5 * time.Second)
			if loss == 0 {
				if s.crowd > underWay || len(first) != 1 || len(s.log) != before {
					s.fatalf("nothing is lost, and there were two masters for %v, %d first, %d moves after", s.crowd, len(first), len(s.log)-before)
				}
				return
			}
			of++
			if s.crowd > underWay {
				second++
			}
			if len(s.log) != before {
				moved++
			}
		})
	}
	return second, moved, of
}

// The first advert of a master is said three times within 30 ms, so it takes three
// losses for the next one to miss it, who waits 0.2 s longer here.
func TestBootTogether(t *testing.T) {
	second, moved, of := boots(t, func(s *street, loss float64) {
		for _, h := range s.houses {
			s.run(time.Duration(s.rng.Int64N(int64(100 * time.Millisecond))))
			s.boot(h, Record{})
		}
		s.loss = loss
		s.run(4 * time.Second)
	})
	t.Logf("of %d boots, %d had a second master, %d a move in the next 5 s", of, second, moved)
	if second > of/100 || moved > of/50 {
		t.Errorf("of %d boots, %d had a second master, %d a move in the next 5 s", of, second, moved)
	}
}

// A router that starts beside a master has three adverts to hear it by.
func TestStartBesideAMaster(t *testing.T) {
	second, moved, of := boots(t, func(s *street, loss float64) {
		s.run(10 * time.Second)
		h := s.houses[1]
		h.up = false
		s.run(time.Duration(s.rng.Int64N(int64(3 * time.Second))))
		s.loss = loss
		s.boot(h, h.record(s.now))
		s.run(4 * time.Second)
	})
	if second > of/100 || moved > of/50 {
		t.Errorf("of %d starts, %d had a second master, %d a move in the next 5 s", of, second, moved)
	}
}

// A master whose process was killed and is there again within two intervals goes
// on, and nobody notices.
func TestRestartOfTheMaster(t *testing.T) {
	second, moved, of := boots(t, func(s *street, loss float64) {
		s.loss = loss
		s.run(10 * time.Second)
		m := s.masters()[0]
		r := m.record(s.now)
		m.up = false
		s.run(2*time.Second - s.now.Sub(r.LastAdvert) - time.Duration(1+s.rng.Int64N(int64(time.Second))))
		before := len(s.log)
		s.crowd = 0
		s.boot(m, r)
		s.run(2 * time.Second)
		if len(s.log) == before || m.g.State != Master && loss == 0 {
			s.fatalf("%d did not go on: %s", m.id, m.g.State)
		}
	})
	if second > of/50 || moved > of/25 {
		t.Errorf("of %d restarts, %d had a second master, %d a move in the next 5 s", of, second, moved)
	}
}

// record is what a process leaves that ends now.
func (h *house) record(now Instant) Record {
	return Record{Master: h.g.State == Master, LastAdvert: h.g.LastAdvert}
}
