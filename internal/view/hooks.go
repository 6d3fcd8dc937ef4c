package view

import (
	"fmt"

	"failover/internal/api"
)

// hooks says what became of the take-over steps and notifications.
func (p *printer) hooks(self *api.Director, o StatusOptions) {
	for _, r := range self.VirtualRouters {
		if !o.shows(r.Name, unwell(r)) {
			continue
		}
		if t := r.TakeOver; t != nil && t.State != "" {
			fmt.Fprintf(p.tw, "%s: take-over step %s%s\n", r.Name, t.State, p.stepDetail(t))
		}
		if n := r.Notify; n != nil && n.Detail != "" {
			fmt.Fprintf(p.tw, "%s: notified of %s %s ago, %s%s\n", r.Name, n.Told, p.age(n.At), n.Detail, dropped(n.Dropped))
		}
	}
}

func (p *printer) stepDetail(t *api.TakeOver) string {
	text := fmt.Sprintf(" for %s, attempt %d", p.age(t.Since), t.Attempt)
	if t.State == "done" {
		text = fmt.Sprintf(" %s ago in attempt %d", p.age(t.Since), t.Attempt)
	}
	if t.Detail != "" {
		text += ", " + t.Detail
	}
	return text
}

func dropped(n uint64) string {
	switch n {
	case 0:
		return ""
	case 1:
		return "; 1 change was over before the hooks had time for it"
	}
	return fmt.Sprintf("; %d changes were over before the hooks had time for them", n)
}
