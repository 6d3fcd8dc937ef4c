package director

import (
	"cmp"
	"fmt"
	"time"

	"failover/check"
	"failover/conf"
	"failover/internal/api"
	"failover/vrrp"
)

// theirs are the digests that another director says it has; not ok: it is not reached.
func (f facts) theirs(name string) (config, table, words string, ok bool) {
	v := f.link.views[name]
	config, table = v.Beat.ConfigDigest, v.Beat.TableDigest
	if d, asked := f.link.others[name]; asked { // a second younger
		config, table = d.ConfigDigest, d.TableDigest
	}
	return config, table, v.Beat.WordsDigest, v.Reachable
}

// inSync tells whether all directors have the same configuration, the same table in
// the kernel and the same words of the operator; nil: that is not known.
func inSync(f facts) *bool {
	if !f.link.wanted || f.link.views == nil {
		return nil
	}
	same := true
	for _, other := range f.world.Node.Peers {
		config, table, words, ok := f.theirs(other.Name)
		if !ok {
			return nil
		}
		same = same && config == f.world.Node.Digest && table == f.result.Digest && words == f.link.words
	}
	return &same
}

// otherDirector is another director: what it says of itself where it was asked, else
// what its adverts tell.
func otherDirector(f facts, other conf.Director) api.Director {
	d, asked := f.link.others[other.Name]
	if !asked {
		d = heardDirector(f, other)
	}
	d.Self = false
	if f.link.wanted {
		v := f.link.views[other.Name]
		d.Reachable = &v.Reachable
		d.Version = cmp.Or(d.Version, v.Beat.Version)
	}
	return d
}

// linkProblems are what is wrong with the link, and between the directors.
func linkProblems(f facts, s api.Status, self api.Director) (ps []string) {
	if !f.link.wanted {
		return nil
	}
	if f.link.err != nil {
		ps = append(ps, fmt.Sprintf("peer link: %v", f.link.err))
	}
	for _, other := range f.world.Node.Peers {
		v, known := f.link.views[other.Name]
		if !known {
			continue // the link as a whole is not there
		}
		if !v.Reachable {
			ps = append(ps, fmt.Sprintf("%s does not answer on the peer link%s: %s", other.Name, forAge(f.now, v.Since), v.Cause))
			continue
		}
		for _, d := range s.Directors {
			if d.Name == other.Name {
				list, named := differences(f, self, d)
				ps = append(ps, list...)
				ps = append(ps, disagreements(f, d, named)...)
				ps = append(ps, rivalsBy(f, d)...)
			}
		}
	}
	return ps
}

func forAge(now, since time.Time) string {
	if since.IsZero() {
		return ""
	}
	return fmt.Sprintf(" for %s", now.Sub(since).Round(time.Second))
}

// rivalsBy names the groups that another director says it is master of while this one
// is: their adverts do not reach each other, and the link does.
func rivalsBy(f facts, other api.Director) (ps []string) {
	said := map[string]bool{}
	for _, r := range other.VirtualRouters {
		st, ok := f.routerStatus(r.Name)
		if ok && st.State == vrrp.Master && r.State == string(vrrp.Master) && !said[r.Group] {
			said[r.Group] = true
			ps = append(ps, fmt.Sprintf("%s: %s says by the peer link that it is master too: adverts of one of the two do not arrive", r.Group, other.Name))
		}
	}
	return ps
}

// differences spells out what another director has otherwise than this one; named has
// the real servers that are spoken of.
func differences(f facts, self, other api.Director) (ps []string, named map[check.ID]bool) {
	config, table, words, _ := f.theirs(other.Name)
	if config != f.world.Node.Digest {
		ps = append(ps, fmt.Sprintf("%s has another configuration in force, %s, here %s: failover reload where the file is newer than that",
			other.Name, short(config), short(f.world.Node.Digest)))
	}
	if words != f.link.words {
		ps = append(ps, other.Name+" does not know the same words of the operator yet")
	}
	if table == f.result.Digest || table == "" || f.result.Digest == "" {
		return ps, nil
	}
	list, named := serverDifferences(f, self, other)
	if len(list) == 0 && config == f.world.Node.Digest {
		list = []string{fmt.Sprintf("%s has another IPVS table, %s, here %s: ipvsadm -Sn on both shows it", other.Name, short(table), short(f.result.Digest))}
	}
	return append(ps, list...), named
}

// short is a digest as people compare it.
func short(digest string) string {
	const enough = len("sha256:") + 8
	if len(digest) > enough {
		return digest[:enough]
	}
	return cmp.Or(digest, "none")
}

// serverDifferences are the real servers that another director has with another
// weight, or not at all.
func serverDifferences(f facts, self, other api.Director) (ps []string, named map[check.ID]bool) {
	named = map[check.ID]bool{}
	since := map[check.ID]time.Time{} // by this machine's clock
	for _, d := range differing(f, other.Name) {
		since[d.id] = d.since
	}
	type key struct{ service, server string }
	theirs := map[key]api.RealServer{}
	for _, vs := range other.VirtualServers {
		for _, rs := range vs.RealServers {
			theirs[key{vs.Name + vs.Service(), rs.Name}] = rs
		}
	}
	for _, vs := range self.VirtualServers {
		for _, ours := range vs.RealServers {
			their, there := theirs[key{vs.Name + vs.Service(), ours.Name}]
			if !there || weightText(their) == weightText(ours) {
				continue
			}
			id := check.ID{VirtualServer: vs.Name, RealServer: ours.Name}
			named[id] = true
			if at, known := since[id]; known {
				their.Since = at
			}
			ps = append(ps, fmt.Sprintf("%s: %s: %s %s, here %s%s", other.Name, vs.Name, ours.Address, weightText(their), weightText(ours), whyDiffers(f, other.Name, ours, their)))
		}
	}
	return ps, named
}

func weightText(rs api.RealServer) string {
	if rs.KernelWeight == nil {
		return "not in the table"
	}
	return fmt.Sprintf("weight %d", *rs.KernelWeight)
}

// whyDiffers is the newest fact about a server that the two directors see differently.
func whyDiffers(f facts, name string, ours, theirs api.RealServer) string {
	switch {
	case theirs.Check == ours.Check && theirs.Operator != ours.Operator:
		return fmt.Sprintf(": the operator's word is %s there, %s here", cmp.Or(theirs.Operator, "none"), cmp.Or(ours.Operator, "none"))
	case theirs.Check == ours.Check:
		return ""
	case ours.Check == "down":
		return fmt.Sprintf("%s: here it is down: %s", sinceText(f.now, ours.Since), ours.CheckDetail)
	}
	return fmt.Sprintf("%s: %s finds it %s: %s", sinceText(f.now, theirs.Since), name, theirs.Check, theirs.CheckDetail)
}

func sinceText(now, since time.Time) string {
	if since.IsZero() {
		return ""
	}
	return fmt.Sprintf(", since %s", now.Sub(since).Round(time.Second))
}
