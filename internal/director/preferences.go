package director

import (
	"path/filepath"
	"slices"
	"time"

	"failover/conf"
	"failover/internal/peer"
	"failover/internal/policy"
	"failover/internal/state"
)

// PreferenceStore keeps whom the operator prefers as master, by group.
type PreferenceStore = WordStore[string, policy.Preference]

// preferences are the operator's words on who is to be master.
type preferences struct {
	kept[string, policy.Preference]
}

// prefer says it anew for some groups; no director: nobody any more.
func (p *preferences) prefer(groups []string, director string, now time.Time) error {
	return p.change(func(all map[string]policy.Preference) {
		for _, g := range groups {
			was := all[g]
			at := now.UTC().Truncate(time.Millisecond)
			if !at.After(was.Since) {
				at = was.Since.Add(time.Millisecond) // by another director's clock
			}
			if was.Director != director {
				all[g] = policy.Preference{Director: director, Since: at}
			}
		}
	})
}

// toldPreferences takes up what another director knows, of the groups that are here
// too, and returns of how many that was news.
func (d *Director) toldPreferences(from string, n conf.Node, list []peer.Preference) (news int, err error) {
	told := map[string]policy.Preference{}
	for _, p := range list {
		if hasGroup(n, p.Group) {
			told[p.Group] = p.Preference
		}
	}
	var groups []string
	err = d.preferences.change(func(all map[string]policy.Preference) { groups = policy.MergePreferences(all, told) })
	for _, g := range groups {
		d.log.Info("the operator's preference, by another director", "director", from, "group", g, "preferred", told[g].Director)
	}
	return len(groups), err
}

func hasGroup(n conf.Node, name string) bool {
	for _, g := range n.Groups {
		if g.Name == name {
			return true
		}
	}
	return false
}

// preferred is who is preferred for each group of the deployment, with its priority.
func preferred(d conf.Deployment, words map[string]policy.Preference) map[string]policy.Preferred {
	all := map[string]policy.Preferred{}
	for _, r := range d.VirtualRouters {
		p := words[r.Group]
		known := slices.ContainsFunc(d.Directors, func(x conf.Director) bool { return x.Name == p.Director })
		if known {
			all[r.Group] = policy.Preferred{Director: p.Director, Priority: int(r.Priority.For(p.Director))}
		}
	}
	return all
}

// preferenceFile is the store in the state directory.
type preferenceFile struct{ path string }

// Preferences are kept in a state directory; they are durable and know no boot.
func Preferences(stateDir string) PreferenceStore {
	return preferenceFile{filepath.Join(stateDir, "preferred.json")}
}

func (f preferenceFile) store() *state.Store[map[string]policy.Preference] {
	return &state.Store[map[string]policy.Preference]{Path: f.path}
}

func (f preferenceFile) Load() (map[string]policy.Preference, error) {
	all, _, err := f.store().Load()
	return all, err
}

func (f preferenceFile) Save(all map[string]policy.Preference) error { return f.store().Save(all) }
