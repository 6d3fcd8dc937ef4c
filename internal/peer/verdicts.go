package peer

// Verdicts are what a director's checks say of the real servers, as told in a beat. A
// real server is a number: its place, from 0, among those of the file that have checks,
// each once. That is the same on every director with the same configuration digest,
// and says nothing to any other. Those that are in neither list are up.
type Verdicts struct {
	Checked int     `json:"checked"` // how many have checks
	Down    []Down  `json:"down"`
	Unknown []int64 `json:"unknown"` // not judged yet
}

// Down is a real server that is down: its number, and for how many milliseconds. It is
// an age because the clocks of two machines differ.
type Down [2]int64

// MaxVerdicts bounds what a beat lists. A director with more to say says nothing: its
// beat has no verdicts.
const MaxVerdicts = 30_000
