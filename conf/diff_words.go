package conf

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"failover/check"
	"failover/lvs"
	"failover/vrrp"
)

// listings puts a director's configuration into words for Diff; of virtual servers
// that are the same on both sides only the names.
func listings(n Node, same map[string]bool) []listing {
	directors := []object{directorWords(Director{Name: n.Name, Addresses: n.Addresses, PublicKey: n.PublicKey})}
	for _, p := range n.Peers {
		directors = append(directors, directorWords(p))
	}
	var groups, routers, servers, sync []object
	for _, g := range n.Groups {
		group := groupWords(g)
		group.fields = append(group.fields, followWords(n.Follow[g.Name]))
		groups = append(groups, group)
		for _, r := range g.Routers {
			o := routerWords(g.Name, r)
			o.inside = []listing{{"track", trackWords(n.Tracks, r.Name)}}
			o.fields = append(o.fields, wayWords(r)...)
			o.fields = append(o.fields, hookWords(n.Hooks, r.Name)...)
			routers = append(routers, o)
		}
	}
	for table := range ByTable(n.Servers) {
		if name := table[0].Name; same[name] {
			servers = append(servers, object{name: name})
			continue
		}
		servers = append(servers, serverWords(table))
	}
	for _, s := range n.Sync {
		if s.Role == lvs.SyncMaster { // the other role has the same values
			sync = append(sync, syncWords(s))
		}
	}
	return []listing{
		{"director", directors},
		{"daemon", []object{daemonWords(n.Name, n.Daemon)}},
		{"group", groups},
		{"virtual_router", routers},
		{"virtual_server", servers},
		{"ipvs", []object{ipvsWords(n.IPVS)}},
		{"ipvs.sync", sync},
	}
}

func directorWords(d Director) object {
	fields := []field{{"address", words(d.Addresses)}, {"public_key", d.PublicKey}}
	return object{name: d.Name, brief: words(d.Addresses), fields: fields}
}

func daemonWords(self string, d Daemon) object {
	listen := ""
	if a := d.HTTPListen.For(self); a.IsValid() {
		listen = a.String()
	}
	return object{fields: []field{
		{"socket", d.Socket}, {"state_dir", d.StateDir}, {"http_listen", listen},
		{"private_key", d.PrivateKey}, {"peer_port", strconv.Itoa(int(d.PeerPort))},
		{"log_level", d.LogLevel}, {"log_format", d.LogFormat},
		{"realtime", strconv.FormatBool(d.Realtime)}, {"script_user", d.ScriptUser},
		{"manage_sysctl", strconv.FormatBool(d.ManageSysctl)},
	}}
}

func groupWords(g vrrp.GroupConfig) object {
	var routers []string
	for _, r := range g.Routers {
		routers = append(routers, r.Name)
	}
	list := strings.Join(routers, ", ")
	return object{name: g.Name, brief: fmt.Sprintf("%s, priority %d", list, g.Priority), fields: []field{
		{"routers", list},
		{"priority", strconv.Itoa(int(g.Priority))},
		{"preempt", strconv.FormatBool(g.Preempt)},
		{"preempt_delay", text(g.PreemptDelay)},
	}}
}

func routerWords(group string, r vrrp.RouterConfig) object {
	var addresses []string
	for _, a := range r.Addresses {
		addresses = append(addresses, a.String())
	}
	var times []string
	for _, t := range r.Announce.Times {
		times = append(times, text(t))
	}
	list := strings.Join(addresses, ", ")
	source := ""
	if r.Source.IsValid() {
		source = r.Source.String()
	}
	return object{name: r.Name, brief: fmt.Sprintf("%s on %s, VRID %d", list, r.Interface, r.VRID), fields: []field{
		{"group", group},
		{"interface", r.Interface},
		{"vrid", strconv.Itoa(int(r.VRID))},
		{"addresses", list},
		{"version", strconv.Itoa(int(r.Version))},
		{"advert_interval", text(r.Interval)},
		{"source", source},
		{"transport", string(r.Transport)},
		{"peers", words(r.Peers)},
		{"virtual_mac", strconv.FormatBool(r.VirtualMAC)},
		{"accept", strconv.FormatBool(!r.NoAccept)},
		{"checksum", string(r.Checksum)},
		{"incompatible", string(r.Incompatible)},
		{"address_lease", text(r.Lease)},
		{"announce.times", strings.Join(times, ", ")},
		{"announce.refresh", text(r.Announce.Refresh)},
		{"other directors", fellowWords(r.Fellows)},
		{"owned by another director", strconv.FormatBool(r.OtherOwner)},
	}, secrets: []field{{"auth", string(r.Auth)}}}
}

func syncWords(s lvs.Sync) object {
	return object{brief: fmt.Sprintf("id %d, %s port %d", s.ID, s.Group, s.Port), fields: []field{
		{"interface", s.Interface},
		{"id", strconv.Itoa(s.ID)},
		{"group", s.Group.String()},
		{"port", strconv.Itoa(int(s.Port))},
		{"ttl", strconv.Itoa(int(s.TTL))},
		{"maxlen", lengthWords(s.MaxLen)},
	}}
}

// lengthWords writes a length that may be left to the kernel.
func lengthWords(n uint16) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(int(n))
}

// checkWords writes a check with everything that makes it another one, but for
// the target's address, which is the server's; nor its port, where that is it.
func checkWords(s check.Spec) string {
	w := []string{fmt.Sprintf("%s every %s within %s, rise %d, fall %d", s.Kind, text(s.Interval), text(s.Timeout), s.Rise, s.Fall)}
	add := func(label, value string) {
		if value != "" {
			w = append(w, label+" "+value)
		}
	}
	if h := s.HTTP; h != nil {
		add(h.Method, h.Path)
		add("host", h.Host)
		for _, k := range sortedKeys(h.Headers) {
			add("header", fmt.Sprintf("%s: %q", k, h.Headers[k]))
		}
		for _, r := range h.Status {
			add("status", statusWords(r))
		}
		if h.Body != "" {
			add("body", strconv.Quote(h.Body))
		}
		add("server name", h.ServerName)
		add("authorities", h.CAFile)
		if h.SkipVerify {
			add("certificate", "not verified")
		}
	}
	if x := s.Exec; x != nil {
		add("program", fmt.Sprintf("%q", x.Argv))
		add("user", x.User)
	}
	return strings.Join(w, ", ")
}

func statusWords(r check.StatusRange) string {
	if r.From == r.To {
		return strconv.Itoa(r.From)
	}
	return fmt.Sprintf("%d-%d", r.From, r.To)
}

func sortedKeys(m map[string]string) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// words writes a list of addresses.
func words[T fmt.Stringer](list []T) string {
	s := make([]string, len(list))
	for i, v := range list {
		s[i] = v.String()
	}
	return strings.Join(s, ", ")
}
