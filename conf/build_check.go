package conf

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"failover/check"
)

// headMethod is the method whose answer has no body.
const headMethod = "HEAD"

// checks makes the specs of one check key; their target is filled in for each
// real server, but for a port that the check has of its own. A spec with an error
// is left out.
func (b *builder) checks(e *entry) []check.Spec {
	var list []check.Spec
	for _, c := range e.items {
		if !c.table {
			continue
		}
		if kind := c.get("kind"); !kind.bad {
			list = append(list, b.check(c, val[string](kind)))
		}
	}
	return list
}

func (b *builder) check(e *entry, kind string) check.Spec {
	b.kindRules(e, "check", kind)
	s := b.timing(e, kind)
	if port := e.get("port"); port.set {
		s.Target = netip.AddrPortFrom(netip.Addr{}, uint16(val[int64](port)))
	}
	switch s.Kind {
	case check.HTTP, check.HTTPS:
		s.HTTP = b.http(e)
	case check.Exec:
		s.Exec = b.exec(e)
	}
	return s
}

// kindRules refuse keys that the kind of a check or track does not have.
func (b *builder) kindRules(e *entry, what, kind string) {
	for i, own := range e.kids {
		if k := &e.spec.Section.Keys[i]; own != nil && own.set && len(k.Kinds) > 0 && !slices.Contains(k.Kinds, kind) {
			b.failKey(own, "", "a %s of kind %s has no such key; it is for %s", what, kind, enumerate(k.Kinds))
		}
	}
}

// timing is what checks and tracks have in common: how often is asked, and what
// the answers come to.
func (b *builder) timing(e *entry, kind string) check.Spec {
	s := check.Spec{
		Kind:     check.Kind(kind),
		Interval: duration(e.get("interval")),
		Timeout:  duration(e.get("timeout")),
		Rise:     int(val[int64](e.get("rise"))),
		Fall:     int(val[int64](e.get("fall"))),
	}
	if !e.get("timeout").set {
		s.Timeout = min(time.Second, s.Interval)
	}
	if s.Timeout > s.Interval && e.ok("interval", "timeout") {
		b.fail(e.get("timeout"), "make it shorter, or the interval longer",
			"%s is longer than the interval, %s: probes would overlap", text(s.Timeout), text(s.Interval))
	}
	return s
}

func (b *builder) http(e *entry) *check.HTTPSpec {
	h := &check.HTTPSpec{
		Method:     val[string](e.get("method")),
		Path:       val[string](e.get("path")),
		Host:       val[string](e.get("host")),
		Body:       val[string](e.get("body")),
		ServerName: val[string](e.get("server_name")),
		CAFile:     val[string](e.get("ca_file")),
		SkipVerify: val[bool](e.get("insecure_skip_verify")),
	}
	if h.ServerName == "" && e.ok("kind", "host") && val[string](e.get("kind")) == "https" {
		h.ServerName, _, _ = strings.Cut(h.Host, ":")
	}
	for _, one := range e.get("headers").order {
		if h.Headers == nil {
			h.Headers = map[string]string{}
		}
		h.Headers[one.key] = val[string](one)
	}
	status := e.get("status")
	if status.set && len(status.items) == 0 && !status.bad {
		b.fail(status, "", "is empty: no answer would mean up")
	}
	for _, s := range vals[string](status) {
		r, _ := parseStatus(s)
		h.Status = append(h.Status, r)
	}
	if h.Method == headMethod && h.Body != "" {
		b.fail(e.get("body"), "use method GET", "the answer to a HEAD request has no body to look in")
	}
	if h.SkipVerify && h.CAFile != "" {
		b.fail(e.get("ca_file"), "", "contradicts insecure_skip_verify: any certificate would do")
	}
	return h
}

func (b *builder) exec(e *entry) *check.ExecSpec {
	x := &check.ExecSpec{Argv: b.program(e, "a check of kind exec"), User: val[string](e.get("user"))}
	if !e.get("user").set {
		x.User = b.d.Daemon.ScriptUser
	}
	return x
}

// program is the key argv of a table that cannot do without.
func (b *builder) program(e *entry, what string) []string {
	list := e.get("argv")
	argv := vals[string](list)
	switch {
	case list.anyBad():
	case !list.set:
		b.fail(list, "", "is missing: %s needs the program to run", what)
	case len(argv) == 0:
		b.fail(list, "", "is empty: %s needs the program to run", what)
	default:
		b.absolute(list, argv)
	}
	return argv
}

// absolute demands the program's whole path: the daemon's search path is nobody's
// business.
func (b *builder) absolute(list *entry, argv []string) {
	if len(argv) > 0 && !list.anyBad() && !strings.HasPrefix(argv[0], "/") {
		b.fail(list.items[0], "", "%q is not an absolute path", argv[0])
	}
}

// parseStatus reads "200" or "200-299".
func parseStatus(s string) (check.StatusRange, bool) {
	from, to, ranged := strings.Cut(s, "-")
	if !ranged {
		to = from
	}
	if len(from) != 3 || len(to) != 3 || !only(from+to, digits) {
		return check.StatusRange{}, false
	}
	a, _ := strconv.Atoi(from)
	z, _ := strconv.Atoi(to)
	return check.StatusRange{From: a, To: z}, a >= 100 && a <= z && z <= 599
}
