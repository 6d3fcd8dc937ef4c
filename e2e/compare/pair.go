package compare

// The columns of the table of the pair.
const (
	Gap       = "gap" // the longest time without an answered request
	Failed    = "requests failed"
	Broken    = "held broken" // held connections that did not survive
	Stall     = "stall"       // the longest exchange on one that did
	OutTables = "out of tables"
)

// Pair is the table of scripts/bench-pair: what clients saw of a pair with
// virtual servers. Where a check runs once a second, what is lost until it runs is
// chance: hence the slack.
func Pair() Table {
	return Table{
		Ours: "failover", Theirs: "keepalived", Slack: 0.25, Blink: 0.25,
		Figures: []Figure{{Gap, "s", 2}, {Failed, "", 0}, {Broken, "", 0}, {Stall, "s", 2}, {OutTables, "s", 2}},
	}
}
