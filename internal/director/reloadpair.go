package director

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"failover/internal/api"
)

// pairTimeout bounds one step on another director: bringing a table about takes time.
const pairTimeout = 20 * time.Second

// errReloading says that a director has its hands full.
var errReloading = errors.New("it is at a reload of its own")

// ReloadPair has every director check its own file, and takes the new configuration
// into force on all of them or on none: where a later one refuses after all, those
// before go back to what they had.
func (d *Director) ReloadPair(ctx context.Context, want api.PairReload) (api.PairReloaded, error) {
	d.reload.Lock()
	defer d.reload.Unlock()
	before := d.shown.Load()
	link := d.peers.now()
	switch {
	case before == nil:
		return api.PairReloaded{}, errors.New("the director is still starting")
	case link == nil:
		return api.PairReloaded{}, &api.Error{Message: "there is no peer link: nobody else can be asked", Hint: "reload each director by itself; docs/peer.md turns the link on"}
	}
	own, err := d.planFile(ctx)
	if err != nil {
		return api.PairReloaded{}, err
	}
	r := api.PairReloaded{ConfigDigest: own.ConfigDigest, Directors: []api.DirectorReloaded{{Name: before.world.Node.Name, Changes: own.Changes, Problems: []string{}}}}
	for _, other := range before.world.Node.Peers {
		plan, err := askOther(ctx, func(ctx context.Context) (api.Plan, error) { return link.Plan(ctx, other.Name) })
		if err == nil && plan.ConfigDigest != own.ConfigDigest {
			err = fmt.Errorf("its file is another one, %s, here %s", short(plan.ConfigDigest), short(own.ConfigDigest))
		}
		if err != nil {
			return api.PairReloaded{}, pairRefused(other.Name, err)
		}
		r.Directors = append(r.Directors, api.DirectorReloaded{Name: other.Name, Changes: plan.Changes, Problems: []string{}})
	}
	if want.DryRun {
		return r, nil
	}
	done, err := d.reloadFile(ctx, own.ConfigDigest)
	if err != nil {
		return api.PairReloaded{}, err
	}
	r.Directors[0].Changes, r.Directors[0].Problems = done.Changes, done.Problems
	for i, other := range before.world.Node.Peers {
		done, err := askOther(ctx, func(ctx context.Context) (api.Reload, error) {
			return link.Reload(ctx, other.Name, own.ConfigDigest)
		})
		if err != nil && d.took(ctx, link, other.Name, own.ConfigDigest) {
			r.Directors[i+1].Problems = []string{fmt.Sprintf("the new configuration is in force, but its answer was lost: %v", err)}
			continue
		}
		if err != nil {
			return api.PairReloaded{}, errors.Join(pairRefused(other.Name, err), d.back(before))
		}
		r.Directors[i+1].Changes, r.Directors[i+1].Problems = done.Changes, done.Problems
	}
	return r, nil
}

// took tells whether another director has a configuration in force, although its
// answer to the reload has not come: what was lost may have been the answer alone.
// Where it cannot be asked any more it is taken for not; status then says what it has.
func (d *Director) took(ctx context.Context, link Link, name, digest string) bool {
	now, err := askOther(ctx, func(ctx context.Context) (api.Director, error) { return link.Director(ctx, name) })
	return err == nil && now.ConfigDigest == digest
}

// back takes the configuration of before into force again; nobody has to wait for it.
func (d *Director) back(before *shown) error {
	d.log.Warn("the other director refuses: the old configuration is taken back")
	_, err := d.bring(d.ctx, before.deployment, before.world.Node)
	return err
}

func askOther[T any](ctx context.Context, ask func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, pairTimeout)
	defer cancel()
	return ask(ctx)
}

// pairRefused words another director's refusal; what is wrong with its file comes
// along.
func pairRefused(name string, err error) *api.Error {
	told := &api.Error{
		Message: fmt.Sprintf("reload refused, the old configuration stays: %s: %v", name, err),
		Hint:    "failover status tells what each director has in force",
	}
	var of *api.Error
	if errors.As(err, &of) { // it has answered: its file is at fault
		told.Details, told.Hint, told.Invalid = of.Details, cmp.Or(of.Hint, told.Hint), true
	}
	return told
}

// Plan implements [peer.Local].
func (l localEnd) Plan() (api.Plan, error) {
	if !l.d.reload.TryLock() {
		return api.Plan{}, errReloading
	}
	defer l.d.reload.Unlock()
	return l.d.planFile(l.d.ctx)
}

// Reload implements [peer.Local].
func (l localEnd) Reload(digest string) (api.Reload, error) {
	if !l.d.reload.TryLock() {
		return api.Reload{}, errReloading
	}
	defer l.d.reload.Unlock()
	return l.d.reloadFile(l.d.ctx, digest)
}
