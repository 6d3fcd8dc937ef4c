package view

import (
	"fmt"
	"slices"
	"strings"

	"failover/internal/api"
)

// servers keeps of virtual servers what the options choose: those that fit, whole,
// and of the others the real servers that do.
func (o StatusOptions) servers(all []api.VirtualServer) []api.VirtualServer {
	list := []api.VirtualServer{}
	for _, vs := range all {
		whole := o.fits(vs.Name, vs.Service(), vs.SorryServer)
		vs.RealServers = slices.DeleteFunc(slices.Clone(vs.RealServers), func(rs api.RealServer) bool {
			return !whole && !o.fits(rs.Name, rs.Address)
		})
		unwell := vs.Quorum != "up" || slices.ContainsFunc(vs.RealServers, func(rs api.RealServer) bool { return !isUp(rs) })
		if (whole || len(vs.RealServers) > 0) && (unwell || !o.Down) {
			list = append(list, vs)
		}
	}
	return list
}

// fits tells whether the filter is part of one of the words.
func (o StatusOptions) fits(words ...string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(w, o.Filter) })
}

// servers writes this director's virtual servers and their real servers.
func (p *printer) servers(s api.Status, o StatusOptions) {
	self := selfOf(s)
	if self == nil {
		return
	}
	shown := o.servers(self.VirtualServers)
	if len(shown) == 0 {
		return
	}
	p.section()
	p.line("VIRTUAL SERVER", "SERVICE", "WEIGHT", "OPERATOR", "KERNEL", "CHECK", "FOR", "ACTIVE", "INACTIVE", "DETAIL")
	for _, vs := range shown {
		p.line(vs.Name, vs.Service(), "", "", "", quorumWord(vs), "", "", "", serverDetail(vs))
		for _, rs := range vs.RealServers {
			if o.Down && isUp(rs) {
				continue
			}
			p.line("  "+rs.Name, rs.Address, fmt.Sprint(rs.ConfiguredWeight), operatorWord(rs), kernelWeight(rs), checkWord(rs),
				p.age(rs.Since), fmt.Sprint(rs.ActiveConnections), fmt.Sprint(rs.InactiveConnections), realDetail(rs))
		}
	}
	p.serverHooks(shown)
}

// serverHooks says what became of the notifications, once for all services of a
// table.
func (p *printer) serverHooks(shown []api.VirtualServer) {
	seen := map[string]bool{}
	for _, vs := range shown {
		if n := vs.Notify; n != nil && n.Detail != "" && !seen[vs.Name] {
			seen[vs.Name] = true
			fmt.Fprintf(p.tw, "%s: notified of %s %s ago, %s%s\n", vs.Name, n.Told, p.age(n.At), n.Detail, dropped(n.Dropped))
		}
	}
}

func quorumWord(vs api.VirtualServer) string {
	if vs.Quorum == "up" {
		return "quorum up"
	}
	return "QUORUM DOWN"
}

// serverDetail is what a virtual server is, and what is unusual about it now.
func serverDetail(vs api.VirtualServer) string {
	text := fmt.Sprintf("%s %s, %s connections", vs.Scheduler, vs.Forward, count(vs.Connections))
	if vs.QuorumNeeded > 1 {
		text += fmt.Sprintf(", weight %d, quorum %d", vs.QuorumWeight, vs.QuorumNeeded)
	}
	if vs.Sorry {
		text += ", SORRY SERVER " + vs.SorryServer
	}
	return text
}

// realDetail is what the check said, and what else bounds a real server.
func realDetail(rs api.RealServer) string {
	words := slices.DeleteFunc([]string{rs.CheckDetail}, func(s string) bool { return s == "" })
	if rs.Disputed {
		words = append(words, "the directors differ on it")
	}
	if rs.MaxConnections > 0 {
		words = append(words, fmt.Sprintf("at most %d connections", rs.MaxConnections))
	}
	if rs.DrainForced {
		words = append(words, "drained by its timeout")
	}
	if rs.PersistentClients > 0 {
		words = append(words, fmt.Sprintf("%d persistent clients", rs.PersistentClients))
	}
	return strings.Join(words, ", ")
}

// operatorWord is what the operator says of a real server.
func operatorWord(rs api.RealServer) string {
	switch {
	case rs.Operator == "":
		return "-"
	case rs.Drained:
		return "drained"
	case rs.OperatorWeight != nil:
		return fmt.Sprintf("weight %d", *rs.OperatorWeight)
	}
	return rs.Operator
}

// isUp tells whether a real server takes connections as the file says.
func isUp(rs api.RealServer) bool {
	return rs.Check == "up" && rs.KernelWeight != nil && *rs.KernelWeight == rs.ConfiguredWeight
}

func checkWord(rs api.RealServer) string {
	if rs.Check == "down" {
		return "DOWN"
	}
	return rs.Check
}

func kernelWeight(rs api.RealServer) string {
	if rs.KernelWeight == nil {
		return "out"
	}
	return fmt.Sprint(*rs.KernelWeight)
}
