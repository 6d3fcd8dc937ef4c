package api

// Change is one thing that a reload changed or would change.
type Change struct {
	Op     string `json:"op"`     // + added, ~ changed, - removed
	Object string `json:"object"` // "virtual_server.web real_server.web2", "ipvs -t 172.20.10.4:80"
	Detail string `json:"detail"` // "weight 1 -> 3"
}

// Plan is what a reload would do.
type Plan struct {
	File    string   `json:"file"`
	Changes []Change `json:"changes"`
	// ConfigDigest is that of the file.
	ConfigDigest string `json:"config_digest,omitempty"`
}

// PairReload is what the operator wants of both directors.
type PairReload struct {
	DryRun bool `json:"dry_run"`
}

// PairReloaded is what came of it, or would come of it.
type PairReloaded struct {
	ConfigDigest string             `json:"config_digest"` // of the file, on both
	Directors    []DirectorReloaded `json:"directors"`
}

// DirectorReloaded is one director's part.
type DirectorReloaded struct {
	Name     string   `json:"name"`
	Changes  []Change `json:"changes"`
	Problems []string `json:"problems"`
}

// Reload is what a reload did.
type Reload struct {
	File         string   `json:"file"`
	ConfigDigest string   `json:"config_digest"`
	Changes      []Change `json:"changes"`
	// Problems are parts that could not be carried out; the rest is in force.
	Problems []string `json:"problems"`
}

// Error is the answer to a command that could not be carried out.
type Error struct {
	Message string   `json:"error"`
	Details []string `json:"details,omitempty"` // one line each: the errors of a file
	Hint    string   `json:"hint,omitempty"`
	// Invalid: the configuration or the request is at fault, not the machine.
	Invalid bool `json:"invalid,omitempty"`
}

// Error gives the message alone.
func (e *Error) Error() string { return e.Message }
