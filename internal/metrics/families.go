package metrics

import (
	"maps"
	"slices"
)

// Kind is the type of a family.
type Kind string

// The kinds in use. A counter only rises while its process lives.
const (
	Counter Kind = "counter"
	Gauge   Kind = "gauge"
)

// Family is one metric: its name, its labels, and how a snapshot has it.
type Family struct {
	Name   string
	Kind   Kind
	Labels []string
	Help   string // one line, a sentence without its full stop
	each   func(*Snapshot, sample)
}

// sample takes one value with the values of the family's labels, in order.
type sample func(value float64, labels ...string)

// Families lists every metric, in the order of the exposition.
func Families() []Family {
	var all []Family
	for _, part := range [][]Family{programFamilies, routerFamilies, serverFamilies, tableFamilies, processFamilies} {
		all = append(all, part...)
	}
	return all
}

var programFamilies = []Family{
	{"failover_build_info", Gauge, []string{"version", "goversion"},
		"Always 1; the labels are the version of the program and of the Go that built it",
		func(s *Snapshot, put sample) { put(1, s.Version, s.GoVersion) }},
	{"failover_config_info", Gauge, []string{"digest"},
		"Always 1; the label is the digest of the configuration in force, the same on both directors of a pair that agree",
		func(s *Snapshot, put sample) { put(1, s.Digest) }},
	{"failover_config_reload_total", Counter, []string{"result"},
		"Configurations read since the director process started, its first one included; result is success or failure",
		func(s *Snapshot, put sample) {
			put(float64(s.Reloads.Succeeded), "success")
			put(float64(s.Reloads.Failed), "failure")
		}},
	{"failover_config_reload_last_successful", Gauge, nil,
		"1 when the newest attempt to read the configuration succeeded, 0 when the one of before is still in force",
		func(s *Snapshot, put sample) { put(truth(!s.Reloads.LastFailed)) }},
	{"failover_config_reload_success_timestamp_seconds", Gauge, nil,
		"When the configuration in force was read, as Unix time; absent where it is the one a predecessor remembered",
		func(s *Snapshot, put sample) {
			if t := s.Reloads.LastSuccess; !t.IsZero() {
				put(float64(t.UnixMilli()) / 1000)
			}
		}},
	{"failover_problems", Gauge, nil,
		"How many problems failover status shows; 0 is a healthy director",
		func(s *Snapshot, put sample) { put(float64(s.Problems)) }},
	{"failover_pair_in_sync", Gauge, nil,
		"1 when all directors have the same configuration, kernel table and words of the operator; absent without a peer link, or while it is down",
		func(s *Snapshot, put sample) {
			if s.Pair != nil && s.Pair.InSync != nil {
				put(truth(*s.Pair.InSync))
			}
		}},
	{"failover_peer_reachable", Gauge, []string{"director"},
		"1 when another director answers on the peer link; absent where none is configured",
		func(s *Snapshot, put sample) {
			for _, name := range pairOf(s).directors() {
				put(truth(s.Pair.Reachable[name]), name)
			}
		}},
	{"failover_peer_disagreements", Gauge, []string{"director"},
		"Real servers that another director has found up and this one down, or the other way round, for more than 5 s; absent while it says nothing that can be compared",
		func(s *Snapshot, put sample) {
			p := pairOf(s)
			for _, name := range sortedNames(p.Disagreements) {
				put(float64(p.Disagreements[name]), name)
			}
		}},
	{"failover_peer_refused_total", Counter, []string{"reason"},
		"Connections and requests that the peer link has refused: busy, handshake, stranger (a key of no director) or request",
		func(s *Snapshot, put sample) {
			for _, reason := range sortedNames(pairOf(s).Refused) {
				put(float64(s.Pair.Refused[reason]), reason)
			}
		}},
	{"failover_engine_up", Gauge, nil,
		"1 when the engine process answered; without its answer there are no failover_vrrp series",
		func(s *Snapshot, put sample) { put(truth(s.Engine != nil)) }},
	{"failover_director_starts_total", Counter, nil,
		"Director processes that the engine process has started; more than 1 means that one has ended",
		func(s *Snapshot, put sample) {
			if s.Engine != nil {
				put(float64(s.Engine.DirectorStarts))
			}
		}},
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// pairOf is what is known of the pair; nothing where there is no link.
func pairOf(s *Snapshot) Pair {
	if s.Pair == nil {
		return Pair{}
	}
	return *s.Pair
}

func (p Pair) directors() []string { return sortedNames(p.Reachable) }

// sortedNames are the keys of a map, in order.
func sortedNames[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }
