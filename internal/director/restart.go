package director

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"failover/check"
	"failover/conf"
	"failover/internal/api"
	"failover/internal/ipc"
	"failover/internal/policy"
	"failover/internal/sockets"
)

// bequestVersion is the version of [bequest] that this program writes, and the one
// that it reads. Fields may be added without another one.
const bequestVersion = 1

// bequest is what one director leaves to the next beside its files: plain values.
// The two may be of different versions.
type bequest struct {
	Version int
	Checks  []remembered
	// Faults are when each group's last fault ended; zero while it lasts.
	Faults map[string]time.Time `json:",omitempty"`
	// SightLost tells that no real server is up, SightChanged since when that is so, or
	// is not.
	SightLost    bool
	SightChanged time.Time
	// Behind is how the groups stand by follow_health: one that yields goes on to.
	Behind map[string]policy.Behind `json:",omitempty"`
}

// remembered is the history of one real server or track.
type remembered struct {
	ID       check.ID
	Standing check.Standing
}

// answersPatience is how long those that have asked a director something which is to
// leave may wait for their answers.
const answersPatience = time.Second

// restPatience is how long after the start a socket that was left may be asked for.
const restPatience = 30 * time.Second

// errHandedOn ends a director in whose place another one goes on.
var errHandedOn = errors.New("another process goes on")

// loaded is a configuration that was read.
type loaded struct {
	deployment conf.Deployment
	node       conf.Node
}

// Restart asks the engine for a restart in place. It returns an error where there was
// none; else answer was called, in time to be heard, and the director leaves.
func (d *Director) Restart(ctx context.Context, answer func(api.Restarted)) error {
	// What a reload brings about while another process reads the file would be lost.
	d.reload.Lock()
	defer d.reload.Unlock()
	if d.shown.Load() == nil {
		return errors.New("the director is still starting")
	}
	select {
	case <-d.restarted: // of one whose asker has gone
	default:
	}
	if err := d.o.Line.Send(ipc.ToEngine{Restart: true}); err != nil {
		return fmt.Errorf("ask the engine: %w", err)
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case r := <-d.restarted:
		if r.Refused != nil {
			return &api.Error{
				Message: "no restart, the old process goes on: " + r.Refused.Reason, Details: r.Refused.Details,
				Hint: r.Refused.Hint, Invalid: r.Refused.ExitCode == 2,
			}
		}
		// Who connects from now on waits for the next director.
		d.sockets.Close()
		answer(api.Restarted{PID: r.PID, Version: r.Version, Before: d.o.Version})
		go d.leaveOthers()
		return nil
	}
}

// leaveOthers ends the director once those that have asked it something have their
// answers.
func (d *Director) leaveOthers() {
	ctx, cancel := context.WithTimeout(d.ctx, answersPatience)
	defer cancel()
	d.web.Leave(ctx)
	select {
	case <-d.served:
	case <-ctx.Done():
	}
	d.box.gone(errHandedOn)
}

// hearRestarted takes the engine's word on a restart. Where nobody waits for it, and
// another process goes on, the line's end is the sign to leave.
func (d *Director) hearRestarted(r ipc.Restarted) {
	select {
	case d.restarted <- r:
	default:
	}
}

// bequeath gives the engine what the next director needs. This one goes on until its
// line ends: what is left is a copy.
func (d *Director) bequeath() {
	names, files := d.sockets.Files()
	defer func() {
		for _, f := range files {
			f.Close()
		}
	}()
	data, err := json.Marshal(d.recall())
	if err == nil {
		err = d.o.Line.Send(ipc.ToEngine{Bequest: &ipc.Bequest{Memory: data, Sockets: names}, Files: files})
	}
	if err != nil {
		d.log.Error("what the next director needs", "error", err)
	}
}

// recall is everything that is worth remembering now.
func (d *Director) recall() bequest {
	m := bequest{Version: bequestVersion}
	if s := d.shown.Load(); s != nil {
		m.Faults = s.faults
		m.SightLost, m.SightChanged = s.sight.lost, s.sight.changed
		m.Behind = s.world.Behind
	}
	for id, s := range d.pool.Standings() {
		m.Checks = append(m.Checks, remembered{id, s})
	}
	return m
}

// await reads the file, says that it can be used, and waits until the director before
// this one has gone. Nothing is touched before.
func (d *Director) await() (*loaded, error) {
	deployment, node, err := d.load()
	if err != nil {
		return nil, err
	}
	if err := d.o.Line.Send(ipc.ToEngine{Waits: true}); err != nil {
		return nil, err
	}
	for {
		m, err := d.o.Line.Recv()
		switch {
		case err != nil:
			return nil, err
		case m.Begin != nil:
			d.inherit(*m.Begin, m.Files)
			return &loaded{deployment, node}, nil
		}
	}
}

// inherit takes up what the director before this one has left. What cannot be used is
// as if it were not there.
func (d *Director) inherit(b ipc.Bequest, files []*os.File) {
	var err error
	if d.sockets, err = sockets.Inherit(b.Sockets, files); err != nil {
		d.log.Warn("sockets of the director before", "error", err)
	}
	var m bequest
	err = json.Unmarshal(b.Memory, &m)
	if err == nil && m.Version != bequestVersion {
		err = fmt.Errorf("it has version %d, this program knows %d", m.Version, bequestVersion)
	}
	if err != nil {
		d.log.Warn("the history of the checks is not known", "error", err)
		return
	}
	d.before = make(map[check.ID]check.Standing, len(m.Checks))
	for _, c := range m.Checks {
		d.before[c.ID] = c.Standing
	}
	for group, ended := range m.Faults {
		d.faults[group] = ended
	}
	d.sight, d.behind = sight{m.SightLost, m.SightChanged}, m.Behind
}

// closeRest closes the sockets of what is configured no more, once those that are
// wanted have been asked for: the peer link does so in its own time.
func (d *Director) closeRest() {
	time.AfterFunc(restPatience, func() {
		if err := d.sockets.CloseRest(); err != nil {
			d.log.Debug("sockets of the director before", "error", err)
		}
	})
}

// takeHistory gives the checks the history that the director before has left, and the
// world how the groups stood.
func (d *Director) takeHistory(w map[check.ID]check.Work) map[check.ID]check.Work {
	for id, one := range w {
		s, known := d.before[id]
		if !known {
			continue
		}
		one.Before = &s
		w[id] = one
		d.world.Verdicts[id] = s.Verdict
	}
	d.world.Behind = d.behind
	d.before, d.behind = nil, nil
	return w
}
