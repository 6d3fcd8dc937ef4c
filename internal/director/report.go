package director

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"failover/conf"
	"failover/internal/api"
	"failover/internal/hook"
	"failover/internal/ipc"
	"failover/internal/policy"
	"failover/lvs"
	"failover/vrrp"
)

// facts are everything a status is made of, taken at one moment.
type facts struct {
	now         time.Time
	version     string
	started     time.Time
	deployment  conf.Deployment
	world       policy.World
	result      lvs.Result               // of the newest reconcile
	kernel      map[lvs.Key][]lvs.Server // of result
	stats       lvs.Stats
	hostErr     error
	hooks       map[string]hook.Status       // by group
	serverHooks map[string]hook.ServerStatus // by virtual server
	webErr      error                        // why HTTP is not where it should be
	counts      counts
	engine      *ipc.Status // nil: the engine did not answer
	fileErr     string      // the file on disk is not the one in force, and why
	link        linkFacts
	maintenance time.Time // since when; zero: it is not in maintenance
}

// report writes the facts as what users read.
func report(f facts) api.Status {
	s := api.Status{Node: f.world.Node.Name, Time: f.now.UTC(), Problems: []string{}}
	self := api.Director{
		Name: f.world.Node.Name, Self: true, Version: f.version,
		UptimeSeconds:  int64(f.now.Sub(f.started).Seconds()),
		Maintenance:    !f.maintenance.IsZero(),
		ConfigDigest:   f.world.Node.Digest,
		TableDigest:    f.result.Digest,
		VirtualRouters: selfRouters(f),
		VirtualServers: virtualServers(f),
	}
	if f.engine != nil {
		self.UnmatchedAdverts = f.engine.Unmatched
	}
	s.Directors = append(s.Directors, self)
	for _, peer := range f.world.Node.Peers {
		s.Directors = append(s.Directors, otherDirector(f, peer))
	}
	slices.SortStableFunc(s.Directors, func(a, b api.Director) int {
		return cmp.Compare(directorIndex(f.deployment, a.Name), directorIndex(f.deployment, b.Name))
	})
	s.InSync = inSync(f)
	s.Problems = append(s.Problems, problems(f, self)...)
	s.Problems = append(s.Problems, linkProblems(f, s, self)...)
	s.Healthy = len(s.Problems) == 0
	return s
}

func directorIndex(d conf.Deployment, name string) int {
	return slices.IndexFunc(d.Directors, func(x conf.Director) bool { return x.Name == name })
}

// wall turns a boot-clock instant into wall time.
func (f facts) wall(at vrrp.Instant) time.Time {
	if f.engine == nil || at == 0 {
		return time.Time{}
	}
	return f.now.Add(-f.engine.Now.Sub(at)).UTC().Truncate(time.Millisecond)
}

// routerStatus finds what the engine says of a router.
func (f facts) routerStatus(name string) (vrrp.RouterStatus, bool) {
	if f.engine == nil {
		return vrrp.RouterStatus{}, false
	}
	i := slices.IndexFunc(f.engine.Routers, func(r vrrp.RouterStatus) bool { return r.Name == name })
	if i < 0 {
		return vrrp.RouterStatus{}, false
	}
	return f.engine.Routers[i], true
}

func selfRouters(f facts) []api.VirtualRouter {
	routers := []api.VirtualRouter{}
	for _, g := range f.world.Node.Groups {
		for _, r := range g.Routers {
			routers = append(routers, selfRouter(f, g, r))
		}
	}
	return routers
}

// notTaken stands for a router that the engine does not know of yet.
const notTaken = "the engine has not taken it up yet"

func selfRouter(f facts, g vrrp.GroupConfig, r vrrp.RouterConfig) api.VirtualRouter {
	v := api.VirtualRouter{
		Name: r.Name, Group: g.Name, Interface: r.Interface, VRID: int(r.VRID), Version: int(r.Version), Family: family(r),
		State: string(vrrp.Init), Priority: int(g.Priority), AdvertIntervalMS: r.Interval.Milliseconds(),
		MasterIntervalMS: r.Interval.Milliseconds(), Addresses: addresses(r), AddressAttributes: attributes(r), MAC: r.MAC().String(),
		Routes: inWords(r.Routes), Rules: inWords(r.Rules), Tracks: tracks(f, r.Name),
	}
	st, ok := f.routerStatus(r.Name)
	if !ok {
		v.Cause = notTaken
		return v
	}
	v.State, v.Since, v.Cause = string(st.State), f.wall(st.Since), CauseText(r.Name, st.Cause)
	v.Preferred = f.world.Preferred[g.Name].Director
	v.EffectivePriority, v.Device = int(st.EffectivePriority), st.Device
	if st.MasterAddress.IsValid() {
		v.MasterAddress = st.MasterAddress.String()
	}
	v.MasterIntervalMS = st.MasterInterval.Milliseconds()
	v.Transitions, v.AdvertsSent, v.AdvertsReceived = st.Transitions, st.AdvertsSent, st.AdvertsReceived
	hookStatus(f, g, &v)
	v.RejectedBy = st.AdvertsRejected
	for _, n := range st.AdvertsRejected {
		v.AdvertsRejected += n
	}
	v.OneSided = st.OneSided
	v.Neighbours = neighbours(f, st)
	return v
}

func family(r vrrp.RouterConfig) string {
	if r.IPv6() {
		return "ipv6"
	}
	return "ipv4"
}

func addresses(r vrrp.RouterConfig) []string {
	as := make([]string, len(r.Addresses))
	for i, a := range r.Addresses {
		as[i] = a.Prefix.String()
	}
	return as
}

// inWords are routes or rules as the file has them.
func inWords[T fmt.Stringer](list []T) (out []string) {
	for _, x := range list {
		out = append(out, x.String())
	}
	return out
}

// attributes are those of the addresses that have any.
func attributes(r vrrp.RouterConfig) (list []api.AddressAttributes) {
	for _, a := range r.Addresses {
		if a == (vrrp.Address{Prefix: a.Prefix}) {
			continue
		}
		list = append(list, api.AddressAttributes{
			Address: a.Prefix.String(), Interface: r.On(a), Label: a.Label, Scope: string(a.Scope),
			NoPrefixRoute: a.NoPrefixRoute, Advertised: !a.Unadvertised,
		})
	}
	return list
}

// heardDirector is another director as far as its adverts tell: master, or
// nothing.
func heardDirector(f facts, peer conf.Director) api.Director {
	d := api.Director{Name: peer.Name, VirtualRouters: []api.VirtualRouter{}, VirtualServers: []api.VirtualServer{}}
	for _, g := range f.world.Node.Groups {
		for _, r := range g.Routers {
			v := api.VirtualRouter{
				Name: r.Name, Group: g.Name, Interface: r.Interface, VRID: int(r.VRID), Version: int(r.Version), Family: family(r),
				Addresses: addresses(r), Tracks: []api.Track{},
			}
			if st, ok := f.routerStatus(r.Name); ok && holder(f, st) == peer.Name {
				v.State, v.Since = string(vrrp.Master), f.wall(st.Since)
				v.EffectivePriority = int(st.MasterPriority)
				v.AdvertIntervalMS = st.MasterInterval.Milliseconds()
				v.MasterIntervalMS = v.AdvertIntervalMS
				v.MasterAddress = st.MasterAddress.String()
				v.Cause = "heard from its adverts"
			}
			d.VirtualRouters = append(d.VirtualRouters, v)
		}
	}
	return d
}

// holder names the director whose adverts a backup hears; "" when it hears none
// or a stranger's.
func holder(f facts, st vrrp.RouterStatus) string {
	if st.State != vrrp.Backup || !st.MasterAddress.IsValid() {
		return ""
	}
	if name := directorAt(f.deployment, st.Name, st.MasterAddress); name != "" {
		return name
	}
	// Of a pair there is only one other, whatever address it speaks from.
	if peers := f.world.Node.Peers; len(peers) == 1 {
		return peers[0].Name
	}
	return ""
}

func directorAt(d conf.Deployment, router string, a netip.Addr) string {
	i := slices.IndexFunc(d.VirtualRouters, func(r conf.VirtualRouter) bool { return r.Name == router })
	for _, dir := range d.Directors {
		if slices.Contains(dir.Addresses, a) || i >= 0 && d.VirtualRouters[i].Source.For(dir.Name) == a {
			return dir.Name
		}
	}
	return ""
}
