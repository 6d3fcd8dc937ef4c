package api

// Restarted is what came of a restart in place.
type Restarted struct {
	PID     int    `json:"pid"`     // of the main process that goes on
	Version string `json:"version"` // of the program that goes on
	Before  string `json:"before"`  // of the one before it
}
