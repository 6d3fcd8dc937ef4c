package policy

import (
	"cmp"
	"time"

	"failover/check"
)

// Rule: the operator's word is the pair's. It is told to every director that is
// reached, and the later word wins, whichever director it was given on; of two of the
// same moment the one that asks for more. "Nothing any more" is a word too: it is kept,
// so that a director which was away does not bring back what it has not heard ended.
// How far a drain has come is each director's own.

// Word is what of an override directors tell each other.
func (o Override) Word() Override {
	return Override{Kind: o.Kind, Weight: o.Weight, Since: o.Since, Now: o.Now}
}

// Speaks tells whether the operator wants something, as opposed to nothing any more.
func (o Override) Speaks() bool { return o.Kind != "" }

// outweighs tells whether word a replaces word b.
func (o Override) outweighs(b Override) bool {
	if !o.Since.Equal(b.Since) {
		return o.Since.After(b.Since)
	}
	yes := func(x bool) int {
		if x {
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(yes(o.Now), yes(b.Now)), cmp.Compare(o.Kind, b.Kind), cmp.Compare(o.Weight, b.Weight)) > 0
}

// MergeWords takes up into all what another director knows, and returns the real
// servers of which it has brought news. Words of an unknown kind, from a newer
// version, are left out.
func MergeWords(all, told map[check.ID]Override) (news []check.ID) {
	for id, o := range told {
		was, heard := all[id]
		if o.Speaks() && !o.Known() || o.Since.IsZero() || heard && !o.Word().outweighs(was.Word()) {
			continue
		}
		o = o.Word()
		if heard && o.Kind == was.Kind && o.Kind == Drain && o.Since.Equal(was.Since) {
			o.Drained, o.Forced = was.Drained, was.Forced // it goes on from where it is
		}
		all[id] = o
		news = append(news, id)
	}
	return news
}

// Preference is the operator's word on who is to be master of a group.
type Preference struct {
	Director string    `json:"director"` // empty: nobody any more
	Since    time.Time `json:"since"`
}

// MergePreferences is [MergeWords] of preferences, by group.
func MergePreferences(all, told map[string]Preference) (news []string) {
	for group, p := range told {
		was, heard := all[group]
		later := p.Since.After(was.Since) || p.Since.Equal(was.Since) && p.Director > was.Director
		if p.Since.IsZero() || heard && !later {
			continue
		}
		all[group] = p
		news = append(news, group)
	}
	return news
}
