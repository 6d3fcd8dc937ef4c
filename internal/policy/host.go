package policy

import (
	"maps"

	"failover/internal/host"
	"failover/internal/realserver"
	"failover/lvs"
)

// Rule: the machine gets just the settings that the configuration needs. With
// manage_sysctl = false its sysctls stay as they are, also those that we had set.

// settings is what the machine needs for this configuration and table.
func settings(w *World, t lvs.Table) host.Desired {
	d := host.Desired{
		Guard:      guard(w.Node, t),
		Marks:      marks(w.Node),
		Masquerade: masquerades(w.Node),
	}
	if len(w.Node.Servers) > 0 {
		d.Modules = append(d.Modules, "ip_vs")
	}
	if w.Node.Daemon.ManageSysctl {
		d.Sysctls = sysctls(w.Node)
		forgetClients(w, t, d.Sysctls)
	}
	// A director may be a real server by dr or tun, and is set up as one.
	own := realserver.OfDirector(w.Node)
	d.Modules = append(d.Modules, own.Modules...)
	d.Local, d.Tunnels, d.Clamps = own.Local, own.Tunnels, own.Clamps
	if d.Sysctls != nil {
		maps.Copy(d.Sysctls, own.Sysctls)
	} else {
		d.Assumed = own.Sysctls
	}
	for _, t := range own.Tunnels {
		if name := t.Device(); name != "" {
			d.Marks.Tunnels = append(d.Marks.Tunnels, name)
		}
	}
	return d
}
