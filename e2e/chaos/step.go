package chaos

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// Step is one thing that happens.
type Step struct {
	Number int // from 1
	Kind   Kind
	Hit    Hit
	// Lasts is how long it is left as it is before it is mended.
	Lasts time.Duration
	// Amount is per cent of loss, a weight, seconds of a clock, the number of a link;
	// of most kinds nothing.
	Amount int
}

// Steps are the first n steps of a seed. They are a function of the seed alone, and
// more steps begin with the fewer. Every kind comes once before any comes again.
func Steps(seed uint64, n int) []Step {
	chance := rand.New(rand.NewPCG(seed, 0))
	list := make([]Step, 0, n)
	var deck []int
	for len(list) < n {
		if len(deck) == 0 {
			deck = chance.Perm(len(Kinds))
		}
		spec := Kinds[deck[0]]
		deck = deck[1:]
		list = append(list, Step{
			Number: len(list) + 1, Kind: spec.Kind,
			Hit:    spec.Hits[chance.IntN(len(spec.Hits))],
			Lasts:  spec.Least + time.Duration(chance.Int64N(int64((spec.Most-spec.Least)/ms)+1))*ms,
			Amount: spec.Low + chance.IntN(spec.High-spec.Low+1),
		})
	}
	return list
}

// String is the step as a line for people.
func (s Step) String() string {
	line := fmt.Sprintf("%3d  %s (%s)", s.Number, s.Kind, s.Hit)
	if s.Lasts > 0 {
		line += fmt.Sprintf(" for %v", s.Lasts)
	}
	switch s.Kind {
	case Lossy:
		line += fmt.Sprintf(", %d %%", s.Amount)
	case Reload, StrangerEdits:
		line += fmt.Sprintf(", weight %d", s.Amount)
	case ClockStep:
		line += fmt.Sprintf(", %+d s", s.Amount)
	case CutLink:
		line += ", " + s.Network()
	}
	return line
}

// Network is the network of the link that is cut.
func (s Step) Network() string {
	if s.Amount == 0 {
		return "outside"
	}
	return "inside"
}
