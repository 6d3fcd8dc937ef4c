package api

import "time"

// Maintenance is what the operator wants of a director.
type Maintenance struct {
	On bool `json:"on"`
}

// Maintained is what came of it.
type Maintained struct {
	On    bool      `json:"on"`
	Since time.Time `json:"since,omitzero"`
	// MasterOf are the groups that the director is master of now: in maintenance those
	// that no other director has taken over.
	MasterOf []string `json:"master_of"`
}
