package director

import (
	"cmp"

	"failover/conf"
)

// noUserError: a program is to run as somebody who is not there.
type noUserError struct {
	what string
	err  error
}

func (e *noUserError) Error() string { return e.what + ": " + e.err.Error() }
func (e *noUserError) Unwrap() error { return e.err }

// noUserHint says what to do about a noUserError.
const noUserHint = "make the user (useradd --system --shell /usr/sbin/nologin NAME), or write another one as daemon.script_user"

// checkUsers makes sure that everybody who is to run a program exists.
func (d *Director) checkUsers(node conf.Node) error {
	known := map[string]bool{}
	ask := func(what, user string) error {
		if known[user] {
			return nil
		}
		known[user] = true
		if err := d.o.Parts.User(user); err != nil {
			return &noUserError{what, err}
		}
		return nil
	}
	for _, vs := range node.Servers {
		for _, rs := range vs.Servers {
			for _, c := range rs.Checks {
				if c.Exec == nil {
					continue
				}
				if err := ask("virtual_server."+vs.Name+" has an exec check", cmp.Or(c.Exec.User, node.Daemon.ScriptUser)); err != nil {
					return err
				}
			}
		}
	}
	for _, vs := range node.Servers {
		if len(vs.Notify) > 0 {
			if err := ask("virtual_server."+vs.Name+" has a hook", node.Daemon.ScriptUser); err != nil {
				return err
			}
		}
	}
	for _, t := range node.Tracks {
		if t.Spec.Exec != nil {
			if err := ask("virtual_router."+t.Router+" has an exec track", t.Spec.Exec.User); err != nil {
				return err
			}
		}
	}
	for _, h := range node.Hooks {
		if err := ask("virtual_router."+h.Router+" has a hook", node.Daemon.ScriptUser); err != nil {
			return err
		}
	}
	return nil
}
