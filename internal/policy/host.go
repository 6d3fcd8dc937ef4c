package policy

import (
	"failover/internal/host"
	"failover/lvs"
)

// Rule: the machine gets just the settings that the configuration needs. With
// manage_sysctl = false its sysctls stay as they are, also those that we had set.

// settings is what the machine needs for this configuration and table.
func settings(w World, t lvs.Table) host.Desired {
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
	return d
}
