package check

import (
	"encoding/hex"
	"time"
)

// Standing is what a pool knows of one server. It is a plain value that survives a
// round trip through JSON: the pool of another process goes on with it as
// [Work.Before].
type Standing struct {
	Verdict Verdict
	// Checks are the server's checks by the content of their specs. One that the
	// other process names otherwise starts afresh, with the standing of Verdict.
	Checks map[string]CheckState
}

// CheckState is what is known of one check of a server.
type CheckState struct {
	Tally Tally
	Due   time.Time // when it is asked next
	Runs  int       // how often it was asked before
}

// Standings are what the pool knows of each server; after Close nothing.
func (p *Pool) Standings() map[ID]Standing {
	answer := make(chan map[ID]Standing, 1)
	select {
	case p.asks <- answer:
		return <-answer
	case <-p.gone:
		return nil
	}
}

func (l *loop) standings(now time.Time) map[ID]Standing {
	all := make(map[ID]Standing, len(l.servers))
	for id, s := range l.servers {
		st := Standing{Verdict: s.verdict, Checks: make(map[string]CheckState, len(s.members))}
		for _, m := range s.members {
			due := m.job.due
			if m.job.place == nowhere {
				due = now // it is being asked, and the answer will not be heard
			}
			st.Checks[m.job.key.String()] = CheckState{m.tally, due, m.job.runs}
		}
		all[id] = st
	}
	return all
}

// String is the key as a word.
func (k key) String() string { return hex.EncodeToString(k[:]) }
