package chaos

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Holders is who has the addresses while a fault lasts, in the words of the table;
// "it" is the director that is hit.
type Holders string

// The words of the column "addresses meanwhile".
const (
	One   Holders = "one"   // exactly one director, whichever
	Same  Holders = "same"  // who had them before, and nobody else
	It    Holders = "it"    // the one that is hit, and nobody else
	Other Holders = "other" // the other one, and nobody else
	Each  Holders = "both"  // both: they do not hear each other
	// Lease: the other one; the one that is hit may keep its own for address_lease.
	Lease Holders = "other, it for its lease"
	// Again: exactly one, whichever; where it takes long to start again, as with Lease.
	Again Holders = "one, it for its lease"
)

// Loss is what may be lost, in the words of the table.
type Loss string

// The words of the columns "requests" and "held connections".
const (
	None Loss = "none"
	// InFlight: those under way when the addresses move to one that has not been told
	// of them, at most [MostInFlight] a step.
	InFlight Loss = "in flight"
	// Meanwhile: any that are begun while it lasts.
	Meanwhile Loss = "meanwhile"
	// Its: the connections of the web server that is hit.
	Its Loss = "its own"
)

// MostInFlight bounds what is lost in flight by one step.
const MostInFlight = 6

// Promise is one row: what may be lost by a kind of step.
type Promise struct {
	Kind      Kind
	Hit       Hit // empty: whichever
	Addresses Holders
	Requests  Loss
	Held      Loss
	Because   string
}

// heading is the first line of the table.
const heading = "| step | hits | addresses meanwhile | requests that may fail | held connections that may break | because |"

var (
	holderWords  = []Holders{One, Same, It, Other, Each, Lease, Again}
	requestWords = []Loss{None, InFlight, Meanwhile}
	heldWords    = []Loss{None, Its}
)

// Promises reads the table of docs/chaos.md. It is an error where a word is not one
// of the table's, or a kind and what it hits has not exactly one row.
func Promises(r io.Reader) ([]Promise, error) {
	var list []Promise
	lines := bufio.NewScanner(r)
	for inside, rule := false, false; lines.Scan(); {
		switch text := lines.Text(); {
		case text == heading:
			inside, rule = true, true
		case rule:
			rule = false
		case inside && !strings.HasPrefix(text, "|"):
			inside = false
		case inside:
			p, err := parsePromise(text)
			if err != nil {
				return nil, err
			}
			list = append(list, p)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("chaos: read the table of promises: %w", err)
	}
	return list, complete(list)
}

func parsePromise(text string) (Promise, error) {
	cells := strings.Split(strings.Trim(text, "|"), "|")
	if len(cells) != 6 {
		return Promise{}, fmt.Errorf("chaos: %q: %d columns, want 6", text, len(cells))
	}
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	p := Promise{
		Kind: Kind(cells[0]), Hit: Hit(cells[1]), Addresses: Holders(cells[2]),
		Requests: Loss(cells[3]), Held: Loss(cells[4]), Because: cells[5],
	}
	if p.Hit == "any" {
		p.Hit = ""
	}
	spec, ok := SpecOf(p.Kind)
	switch {
	case !ok:
		return p, fmt.Errorf("chaos: the table has %q, which is no kind of step", p.Kind)
	case p.Hit != "" && !slices.Contains(spec.Hits, p.Hit):
		return p, fmt.Errorf("chaos: %s: %q is not hit by it", p.Kind, p.Hit)
	case !slices.Contains(holderWords, p.Addresses):
		return p, fmt.Errorf("chaos: %s: addresses %q", p.Kind, p.Addresses)
	case !slices.Contains(requestWords, p.Requests):
		return p, fmt.Errorf("chaos: %s: requests %q", p.Kind, p.Requests)
	case !slices.Contains(heldWords, p.Held):
		return p, fmt.Errorf("chaos: %s: held connections %q", p.Kind, p.Held)
	case p.Because == "":
		return p, fmt.Errorf("chaos: %s: no reason", p.Kind)
	}
	return p, nil
}

// complete tells which step has no row, or several.
func complete(list []Promise) error {
	for _, spec := range Kinds {
		for _, hit := range spec.Hits {
			n := 0
			for _, p := range list {
				if p.covers(spec.Kind, hit) {
					n++
				}
			}
			if n != 1 {
				return fmt.Errorf("chaos: %s (%s) has %d rows in the table, want 1", spec.Kind, hit, n)
			}
		}
	}
	return nil
}

func (p Promise) covers(k Kind, h Hit) bool { return p.Kind == k && (p.Hit == "" || p.Hit == h) }

// For is the promise about a step; the list is a complete one.
func For(list []Promise, s Step) Promise {
	for _, p := range list {
		if p.covers(s.Kind, s.Hit) {
			return p
		}
	}
	panic(fmt.Sprintf("chaos: no promise about %v", s)) // Promises has checked it
}
