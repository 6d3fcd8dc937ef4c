package director

import (
	"maps"
	"time"

	"failover/lvs"
)

// opKinds lists what can be done to the kernel's table, so that a kind that was
// never needed is counted as 0.
var opKinds = []lvs.OpKind{
	lvs.AddService, lvs.SetService, lvs.DelService, lvs.AddServer, lvs.SetServer, lvs.DelServer,
	lvs.StartSync, lvs.StopSync, lvs.SetTimeouts,
}

// counts are what this process has done so far. They only rise.
type counts struct {
	operations map[lvs.OpKind]uint64
	repairs    uint64
	errors     uint64 // operations that failed, and passes that were broken off

	reloads     uint64    // configurations that came into force, the first one included
	refused     uint64    // those that did not
	lastRefused bool      // the newest one is among them
	lastReload  time.Time // when the one in force was read; zero: by a predecessor
}

// add counts what one pass of the reconciler came to.
func (c *counts) add(r lvs.Result) {
	for _, op := range r.Done {
		c.plus(op.Kind, 1)
	}
	c.repairs += uint64(r.Repairs)
	c.errors += uint64(len(r.Errors))
	if r.Err != nil {
		c.errors++
	}
}

func (c *counts) plus(kind lvs.OpKind, n uint64) {
	if c.operations == nil {
		c.operations = make(map[lvs.OpKind]uint64)
	}
	c.operations[kind] += n
}

// take adds what has been counted since.
func (c *counts) take(since counts) {
	for kind, n := range since.operations {
		c.plus(kind, n)
	}
	c.repairs += since.repairs
	c.errors += since.errors
	c.refused += since.refused
	c.lastRefused = c.lastRefused || since.lastRefused
}

func (c *counts) reloaded(now time.Time) {
	c.reloads++
	c.lastRefused, c.lastReload = false, now
}

func (c *counts) reloadRefused() {
	c.refused++
	c.lastRefused = true
}

func (c counts) clone() counts {
	c.operations = maps.Clone(c.operations)
	return c
}
