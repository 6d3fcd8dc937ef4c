package view

import (
	"fmt"

	"failover/internal/api"
)

// tracks writes what the fitness of this director depends on, where the file has
// tracks.
func (p *printer) tracks(self *api.Director, o StatusOptions) {
	head := false
	for _, r := range self.VirtualRouters {
		for _, t := range r.Tracks {
			if !o.shows(r.Name, t.Check == "down") {
				continue
			}
			if !head {
				p.section()
				p.line("TRACK", "ROUTER", "WEIGHT", "CHECK", "FOR", "DETAIL")
				head = true
			}
			p.line(t.Kind+" "+t.Name, r.Name, weight(t), trackWord(t), p.age(t.Since), t.CheckDetail)
		}
	}
}

// weight is what a failing track does: a fault, or a change of the priority.
func weight(t api.Track) string {
	if t.Weight == 0 {
		return "fault"
	}
	return fmt.Sprintf("%+d", t.Weight)
}

func trackWord(t api.Track) string {
	if t.Check == "down" {
		return "DOWN"
	}
	return t.Check
}
