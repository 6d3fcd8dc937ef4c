package director

import (
	"cmp"

	"failover/conf"
	"failover/internal/api"
	"failover/lvs"
)

// changed writes a change of the configuration.
func changed(c conf.Change) api.Change {
	switch c.Kind {
	case conf.Added:
		return api.Change{Op: "+", Object: c.Object, Detail: c.New}
	case conf.Removed:
		return api.Change{Op: "-", Object: c.Object, Detail: c.Old}
	}
	return api.Change{Op: "~", Object: c.Object + "." + c.Key, Detail: cmp.Or(c.Old, "(none)") + " → " + cmp.Or(c.New, "(none)")}
}

// opChange writes a table operation as a change.
func opChange(op lvs.Op) api.Change {
	sign := map[lvs.OpKind]string{
		lvs.AddService: "+", lvs.AddServer: "+", lvs.StartSync: "+",
		lvs.DelService: "-", lvs.DelServer: "-", lvs.StopSync: "-",
	}[op.Kind]
	if sign == "" {
		sign = "~"
	}
	object := "ipvs " + op.Service.Key.String()
	switch op.Kind {
	case lvs.AddServer, lvs.SetServer, lvs.DelServer:
		object += " -r " + op.Server.Address.String()
	case lvs.StartSync, lvs.StopSync:
		object = "ipvs sync " + string(op.Sync.Role)
	case lvs.SetTimeouts:
		object = "ipvs timeouts"
	}
	return api.Change{Op: sign, Object: object, Detail: op.Reason}
}
