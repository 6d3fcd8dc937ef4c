// Package ipvsadm turns the rules that ipvsadm saves into a configuration.
package ipvsadm

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"failover/conf"
	"failover/internal/policy"
	"failover/lvs"
)

// Director is one of the machines that the new configuration is for.
type Director struct {
	Name    string
	Address netip.Addr
}

// Result is what became of the rules.
type Result struct {
	// File is a valid failover.toml with all services that could be carried, or nil
	// where there is none.
	File []byte
	// Left is every line that is not in it, in their order.
	Left              []Left
	Services, Servers int // in the file
}

// Left is a line that could not be carried.
type Left struct {
	Line   int // from 1
	Text   string
	Reason string
}

// service is one service of the rules and where it stands.
type service struct {
	lvs.Service
	lines lvs.RuleLines
}

// Import reads rules as `ipvsadm -Sn` writes them and makes a configuration of
// them. It fails where the directors themselves are no configuration; what cannot
// be said of a service is in Left.
//
// Rather than know every rule of the configuration, it writes the file, has it
// read, takes out what is refused and begins again. At the end it compares the
// table of the file with the rules.
func Import(text string, directors []Director) (Result, error) {
	rules := lvs.ParseRules(text)
	in := &importer{text: lines(text), directors: directors}
	for _, bad := range rules.Rejected {
		in.leave(bad.Line, rejected(bad))
	}
	for i, s := range rules.Table.Services {
		if len(s.Servers) == 0 {
			in.leave(rules.Lines[i].Service, "it has no real server")
			continue
		}
		in.services = append(in.services, service{s, rules.Lines[i]})
	}
	for len(in.services) > 0 {
		file, origin := in.write()
		d, err := conf.Parse("failover.toml", file)
		if err == nil {
			if in.compare(d) {
				return in.result(file), nil
			}
			continue
		}
		if err := in.takeOut(err, origin); err != nil {
			return Result{}, err
		}
	}
	return in.result(nil), nil
}

// rejected says why a line is no rule, and what of a configuration it may be.
func rejected(bad lvs.Rejected) string {
	reason := bad.Err.Error()
	switch {
	case strings.Contains(bad.Text, "--start-daemon"):
		reason += "; connection synchronisation is [ipvs.sync]"
	case strings.Contains(bad.Text, "--set"):
		reason += "; timeouts are tcp_timeout, tcpfin_timeout and udp_timeout of [ipvs]"
	}
	return reason
}

type importer struct {
	text      []string
	directors []Director
	services  []service
	left      []Left
}

func (in *importer) result(file []byte) Result {
	r := Result{File: file, Left: in.left, Services: len(in.services)}
	for _, s := range in.services {
		r.Servers += len(s.Servers)
	}
	slices.SortStableFunc(r.Left, func(a, b Left) int { return a.Line - b.Line })
	return r
}

func (in *importer) leave(line int, reason string) {
	in.left = append(in.left, Left{Line: line, Text: in.text[line-1], Reason: reason})
}

// takeOut removes what the errors of the written file are about.
func (in *importer) takeOut(err error, origin []place) error {
	var list conf.Errors
	if !errors.As(err, &list) {
		return err
	}
	refused := map[place]string{}
	for _, e := range list {
		at := origin[e.Line-1]
		if at.service < 0 {
			return fmt.Errorf("ipvsadm: import: %s: %s", e.Key, e.Message)
		}
		if refused[at] == "" {
			refused[at] = e.Message
		}
	}
	var kept []service
	for i, s := range in.services {
		if why := refused[place{i, -1}]; why != "" {
			in.leaveService(s, why)
			continue
		}
		one := s
		one.Servers, one.lines.Servers = nil, nil
		for j, r := range s.Servers {
			if why := refused[place{i, j}]; why != "" {
				in.leave(s.lines.Servers[j], why)
				continue
			}
			one.Servers, one.lines.Servers = append(one.Servers, r), append(one.lines.Servers, s.lines.Servers[j])
		}
		if len(one.Servers) == 0 {
			in.leave(one.lines.Service, "none of its real servers is carried")
			continue
		}
		kept = append(kept, one)
	}
	in.services = kept
	return nil
}

func (in *importer) leaveService(s service, why string) {
	in.leave(s.lines.Service, why)
	for _, line := range s.lines.Servers {
		in.leave(line, "its service is not carried")
	}
}

// compare holds the table of a file against the rules, and takes out what has
// become something else.
func (in *importer) compare(d conf.Deployment) bool {
	var kept []service
	for i, s := range in.services {
		want := lvs.Format(lvs.Table{Services: []lvs.Service{s.Service}})
		got := lvs.Format(lvs.Table{Services: []lvs.Service{policy.Configured(&d.VirtualServers[i])}})
		if got != want {
			in.leaveService(s, "failover.toml cannot say it: it would be "+firstDifference(want, got))
			continue
		}
		kept = append(kept, s)
	}
	same := len(kept) == len(in.services)
	in.services = kept
	return same
}

func firstDifference(want, got string) string {
	w, g := lines(want), lines(got)
	for i := range g {
		if i >= len(w) || w[i] != g[i] {
			return g[i]
		}
	}
	return "shorter"
}
