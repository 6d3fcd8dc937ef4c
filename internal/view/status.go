// Package view writes what people read in a terminal. It turns the types of
// internal/api into text and knows nothing else.
package view

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"failover/internal/api"
)

// StatusOptions choose what [Status] shows.
type StatusOptions struct {
	Down   bool   // only what is not well
	Filter string // only what has it in its name, service or address
}

// Filter keeps of a status what the options choose, for those who read JSON.
func Filter(s api.Status, o StatusOptions) api.Status {
	s.Directors = slices.Clone(s.Directors)
	for i := range s.Directors {
		d := &s.Directors[i]
		d.VirtualRouters = slices.DeleteFunc(slices.Clone(d.VirtualRouters), func(r api.VirtualRouter) bool {
			return !o.shows(r.Name, unwell(r))
		})
		d.VirtualServers = o.servers(d.VirtualServers)
	}
	return s
}

// unwell tells whether a virtual router is out of the election, or something that
// its fitness depends on fails, or a hook.
func unwell(r api.VirtualRouter) bool {
	if r.TakeOver != nil && r.TakeOver.State == "failed" || r.Notify != nil && r.Notify.Detail != "" && !r.Notify.OK {
		return true
	}
	return r.State == "init" || r.State == "fault" ||
		slices.ContainsFunc(r.Tracks, func(t api.Track) bool { return t.Check == "down" })
}

// Status writes the pair in one screen.
func Status(w io.Writer, s api.Status, o StatusOptions) error {
	p := &printer{tw: tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.StripEscape), now: s.Time}
	p.headline(s)
	p.routers(s, o)
	p.servers(s, o)
	return p.tw.Flush()
}

type printer struct {
	tw  *tabwriter.Writer
	now time.Time
}

func (p *printer) line(cells ...string) {
	fmt.Fprintln(p.tw, strings.TrimRight(strings.Join(cells, "\t"), "\t"))
}

// section ends the columns of the one before.
func (p *printer) section() { fmt.Fprint(p.tw, "\n") }

func (p *printer) headline(s api.Status) {
	word := "healthy"
	if !s.Healthy {
		word = "NOT HEALTHY"
	}
	pair := ""
	switch {
	case s.InSync == nil:
	case *s.InSync:
		pair = ", directors in sync"
	default:
		pair = ", DIRECTORS DIFFER"
	}
	fmt.Fprintf(p.tw, "%s: %s%s\n", s.Node, word, pair)
	for _, problem := range s.Problems {
		fmt.Fprintf(p.tw, "problem: %s\n", problem)
	}
}

// routers writes one line per virtual router, with a column per director.
func (p *printer) routers(s api.Status, o StatusOptions) {
	self := selfOf(s)
	if self == nil || len(self.VirtualRouters) == 0 {
		return
	}
	p.section()
	head := []string{"VIRTUAL ROUTER", "GROUP", "INTERFACE", "VRID", "VRRP"}
	for _, d := range s.Directors {
		name := strings.ToUpper(d.Name)
		if d.Self {
			name += " (this)"
		}
		head = append(head, name)
	}
	p.line(append(head, "ADDRESSES")...)
	for _, r := range self.VirtualRouters {
		if !o.shows(r.Name, unwell(r)) {
			continue
		}
		row := []string{r.Name, r.Group, r.Interface, fmt.Sprint(r.VRID), version(r)}
		for _, d := range s.Directors {
			row = append(row, role(d, r.Name))
		}
		p.line(append(row, strings.Join(r.Addresses, " "))...)
	}
	p.maintenance(s)
	p.versions(s)
	p.macs(self, o)
	p.causes(self, o)
	p.hooks(self, o)
	p.silence(s)
	p.tracks(self, o)
}

// versions names the programs where not all directors run the same one, as halfway
// through an upgrade.
func (p *printer) versions(s api.Status) {
	var each []string
	different := map[string]bool{}
	for _, d := range s.Directors {
		if d.Version != "" {
			each = append(each, d.Name+" "+d.Version)
			different[d.Version] = true
		}
	}
	if len(different) > 1 {
		fmt.Fprintf(p.tw, "versions differ: %s\n", strings.Join(each, ", "))
	}
}

// maintenance names the directors that the operator keeps from being master.
func (p *printer) maintenance(s api.Status) {
	for _, d := range s.Directors {
		if d.Maintenance {
			fmt.Fprintf(p.tw, "%s is in maintenance: it does not become master\n", d.Name)
		}
	}
}

// version is what a virtual router speaks: "v3", "v2", "v3 IPv6".
func version(r api.VirtualRouter) string {
	if r.Family == "ipv6" {
		return fmt.Sprintf("v%d IPv6", r.Version)
	}
	return fmt.Sprintf("v%d", r.Version)
}

// macs says where the addresses are that are not at their interface's own MAC
// address.
func (p *printer) macs(self *api.Director, o StatusOptions) {
	for _, r := range self.VirtualRouters {
		if r.MAC != "" && o.shows(r.Name, unwell(r)) {
			fmt.Fprintf(p.tw, "%s: virtual MAC address %s, device %s\n", r.Name, r.MAC, cmp.Or(r.Device, "(none yet)"))
		}
	}
}

// causes says why each group is what it is, once: its routers change role
// together.
func (p *printer) causes(self *api.Director, o StatusOptions) {
	why := map[string]string{}
	for _, r := range self.VirtualRouters {
		// Of one cause, the router it was seen on leaves its own name out, the others
		// name it: theirs is the longer one.
		if g := groupOf(r); o.shows(r.Name, unwell(r)) && len(r.Cause) > len(why[g]) {
			why[g] = r.Cause
		}
	}
	for _, r := range self.VirtualRouters {
		if g := groupOf(r); why[g] != "" {
			fmt.Fprintf(p.tw, "%s: %s for %s, %s\n", g, r.State, p.age(r.Since), why[g])
			delete(why, g)
		}
	}
}

func groupOf(r api.VirtualRouter) string { return cmp.Or(r.Group, r.Name) }

// silence explains the directors of whom nothing is heard.
func (p *printer) silence(s api.Status) {
	for _, d := range s.Directors {
		if !d.Self && d.Reachable == nil && slices.ContainsFunc(d.VirtualRouters, silent) {
			fmt.Fprintf(p.tw, "%s sends no adverts: it is backup, or down; its own status tells\n", d.Name)
		}
	}
}

// silent tells whether a director was not heard as master of a virtual router.
func silent(r api.VirtualRouter) bool { return r.State == "" }

// role is what one director does for a virtual router.
func role(d api.Director, router string) string {
	i := slices.IndexFunc(d.VirtualRouters, func(r api.VirtualRouter) bool { return r.Name == router })
	if i < 0 {
		return "?"
	}
	r := d.VirtualRouters[i]
	switch {
	case r.TakingOver:
		return fmt.Sprintf("taking over %d", r.EffectivePriority)
	case silent(r):
		return "silent" // a backup is: nothing is wrong with that
	case r.EffectivePriority != r.Priority && (d.Self || d.Reachable != nil && *d.Reachable):
		return fmt.Sprintf("%s %d (of %d)", r.State, r.EffectivePriority, r.Priority)
	case r.EffectivePriority != 0:
		return fmt.Sprintf("%s %d", r.State, r.EffectivePriority)
	default:
		return r.State
	}
}

func (o StatusOptions) shows(name string, bad bool) bool {
	return (!o.Down || bad) && strings.Contains(name, o.Filter)
}

func selfOf(s api.Status) *api.Director {
	for i := range s.Directors {
		if s.Directors[i].Self {
			return &s.Directors[i]
		}
	}
	return nil
}

// age writes how long ago t was, in the two largest units.
func (p *printer) age(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return Age(p.now.Sub(t))
}

// Age writes a duration in at most two units: 4s, 3m12s, 5h2m, 9d4h.
func Age(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm%ds", d/time.Minute, d%time.Minute/time.Second)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	default:
		return fmt.Sprintf("%dd%dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
	}
}

// count writes large numbers short: 1234567 is 1.2M.
func count(n uint64) string {
	switch {
	case n < 10_000:
		return fmt.Sprint(n)
	case n < 1_000_000:
		return fmt.Sprintf("%.1fk", float64(n)/1e3)
	case n < 1_000_000_000:
		return fmt.Sprintf("%.1fM", float64(n)/1e6)
	default:
		return fmt.Sprintf("%.1fG", float64(n)/1e9)
	}
}
