package conf

import (
	"fmt"
	"slices"
	"time"
)

// TakeOver is the [virtual_router.NAME.take_over] table: a step that must succeed
// before a new master is reported.
type TakeOver struct {
	Argv    []string
	Timeout time.Duration // of one attempt
	Retries int           // attempts after the first
}

// Hooks are the programs of one virtual router that are told of its changes. They
// run as the daemon's script_user.
type Hooks struct {
	Router   string
	Group    string
	Notify   []string  // a program and its arguments; empty: none
	TakeOver *TakeOver // nil: none
}

func (b *builder) notify(e *entry) []string {
	argv := vals[string](e)
	b.absolute(e, argv)
	return argv
}

func (b *builder) takeOver(e *entry) *TakeOver {
	if !e.set || !e.table {
		return nil
	}
	argv := e.get("argv")
	t := &TakeOver{Argv: vals[string](argv), Timeout: duration(e.get("timeout")), Retries: int(val[int64](e.get("retries")))}
	if argv.set && !argv.anyBad() && len(t.Argv) == 0 {
		b.fail(argv, "", "is empty: the program to run is needed")
	}
	b.absolute(argv, t.Argv)
	return t
}

// hooks are the same on every director.
func (d Deployment) hooks() []Hooks {
	var list []Hooks
	for _, r := range d.VirtualRouters {
		if len(r.Notify) > 0 || r.TakeOver != nil {
			list = append(list, Hooks{Router: r.Name, Group: r.Group, Notify: r.Notify, TakeOver: r.TakeOver})
		}
	}
	return list
}

// hookWords puts a router's hooks into words for Diff.
func hookWords(hooks []Hooks, router string) []field {
	fields := []field{{key: "notify"}, {key: "take_over"}}
	i := slices.IndexFunc(hooks, func(h Hooks) bool { return h.Router == router })
	if i < 0 {
		return fields
	}
	if h := hooks[i]; len(h.Notify) > 0 {
		fields[0].value = fmt.Sprintf("%q", h.Notify)
	}
	if t := hooks[i].TakeOver; t != nil {
		fields[1].value = fmt.Sprintf("%q within %s, %s", t.Argv, text(t.Timeout), retries(t.Retries))
	}
	return fields
}

func retries(n int) string {
	if n == 1 {
		return "1 retry"
	}
	return fmt.Sprintf("%d retries", n)
}
