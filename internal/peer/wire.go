package peer

import (
	"io"

	"failover/internal/api"
	"failover/internal/policy"
)

// The paths of the requests. A version that does not understand its neighbours has
// others.
const (
	pathBeat     = "/v1/beat"
	pathDirector = "/v1/director"
	pathWords    = "/v1/words"
	pathConns    = "/v1/connections"
	pathPlan     = "/v1/plan"
	pathReload   = "/v1/reload"
)

const (
	// maxBody bounds what is read of one message: 100 000 real servers.
	maxBody = 64 << 20
	// maxConns bounds what is read of a table of connections: some millions.
	maxConns = 512 << 20
	// maxBeat bounds what is read of a beat, which everybody asks for all the time.
	maxBeat = 1 << 20
)

// Beat is how a director is, in few words.
type Beat struct {
	Node    string `json:"node"`
	Version string `json:"version"` // of the program
	// The digests are what both must have alike.
	ConfigDigest string `json:"config_digest"`
	TableDigest  string `json:"table_digest"`
	WordsDigest  string `json:"words_digest"`
	// Groups are their states: "master", "backup", …
	Groups map[string]string `json:"groups"`
	// Verdicts are of the configuration of ConfigDigest; nil: it does not tell.
	Verdicts *Verdicts `json:"verdicts,omitempty"`
}

// Override is the operator's word about one real server, as directors tell each
// other. One without a kind says that what was said before is over.
type Override struct {
	VirtualServer string `json:"virtual_server"`
	RealServer    string `json:"real_server"`
	policy.Override
}

// Preference is the director that the operator wants as master of a group; one
// without a director says that what was said before is over.
type Preference struct {
	Group string `json:"group"`
	policy.Preference
}

// Words are what the operator has said and every director has to know.
type Words struct {
	Overrides   []Override   `json:"overrides"`
	Preferences []Preference `json:"preferences"`
}

// reload is the request for one.
type reload struct {
	ConfigDigest string `json:"config_digest"`
}

// Local is the director that the link belongs to.
type Local interface {
	// Beat is how it is.
	Beat() Beat
	// Director is what its status says of itself.
	Director() (api.Director, error)
	// Words are all that the operator has said, what is over included.
	Words() Words
	// Told takes up what another director knows of them.
	Told(from string, all Words) error
	// Connections writes the kernel's table of connections, for [lvs.ReadConns].
	Connections(io.Writer) error
	// Plan checks the file and tells what a reload would change.
	Plan() (api.Plan, error)
	// Reload takes the file into force if its digest is this one.
	Reload(digest string) (api.Reload, error)
}
