package api

// Switchover is whom the operator wants as master.
type Switchover struct {
	Group string `json:"group"` // empty: every group
	// To is the director; empty: of a pair the one that is not master now.
	To    string `json:"to"`
	Force bool   `json:"force"` // also where it is not ready, or masqueraded connections break
	Clear bool   `json:"clear"` // nobody is preferred any more
}

// Switched is what came of it.
type Switched struct {
	Groups []SwitchedGroup `json:"groups"`
	// Notes are what is worth knowing: who has not been told yet.
	Notes []string `json:"notes,omitempty"`
}

// SwitchedGroup is one group after a switchover.
type SwitchedGroup struct {
	Group     string `json:"group"`
	Preferred string `json:"preferred"` // empty: nobody
	// Master is the director that is master now, as far as is known here.
	Master string `json:"master"`
}
