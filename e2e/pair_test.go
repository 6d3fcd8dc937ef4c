package e2e

import (
	"testing"
	"time"

	"failover/e2e/lab"
)

// every is the distance of the requests of a stream. The guest is slow: at this
// rate the clients are a small part of its load.
const every = 40 * time.Millisecond

// scenario is one thing that happens to a pair.
type scenario struct {
	name string
	run  func(*testing.T)
}

// play runs scenarios one after the other on one pair, with its logs where one
// fails.
func (s *scene) play(t *testing.T, scenarios ...scenario) {
	for _, one := range scenarios {
		if !t.Run(one.name, one.run) {
			for _, n := range s.Directors() {
				t.Logf("%s after %s:\n%s", n.Name, one.name, s.pair.Unit(n).LogTail(40))
			}
		}
	}
}

// TestPair is one pair with adverts every second, through what happens to pairs.
// The same twenty connections are held from one scenario to the next.
func TestPair(t *testing.T) {
	s := failover(t, lab.Setup{Rise: 2, Fall: 2})
	s.play(t,
		scenario{"boot", s.boots},
		scenario{"balance", s.balances},
		scenario{"strangers arrive", s.strangersArrive},
		scenario{"stop", s.stops},
		scenario{"kill", s.kills},
		scenario{"director", s.loses},
		scenario{"stranger", s.strangersMeddle},
		scenario{"reload", s.reloads},
		scenario{"carrier", s.cutCarrier},
		scenario{"beyond", s.cutBeyond},
		scenario{"web servers", s.serversFail},
		scenario{"strangers are still there", s.strangersStay},
	)
}

// TestPairFast is a pair with adverts every 100 ms.
func TestPairFast(t *testing.T) {
	s := failover(t, lab.Setup{AdvertInterval: 100 * time.Millisecond})
	s.play(t,
		scenario{"late", s.late},
		scenario{"carrier", s.cutCarrier},
		scenario{"beyond", s.cutBeyond},
		scenario{"stop", s.stops},
	)
}
