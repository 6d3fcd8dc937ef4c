package api

// Operator is what the operator wants of one real server, in all services of its
// virtual server.
type Operator struct {
	VirtualServer string `json:"virtual_server"`
	RealServer    string `json:"real_server"` // its name or its address
	// Operator is drain, disable or weight; empty: what he said before is over.
	Operator string `json:"operator"`
	Weight   int    `json:"weight"` // of "weight", 0 to 65535
	Now      bool   `json:"now"`    // of "drain": do not wait for clients bound by persistence
}

// Operated is what came of it.
type Operated struct {
	VirtualServer string `json:"virtual_server"`
	RealServer    string `json:"real_server"`
	Operator      string `json:"operator"`
	Before        string `json:"before"` // what the operator had said until now
	Quorum        string `json:"quorum"` // up | down, of the virtual server now
	// Services are those of the virtual server, each with the real server in it.
	Services []Served `json:"services"`
	// Problems are parts that could not be carried out yet; they are tried again.
	Problems []string `json:"problems"`
	// Notes are what is as it should be and worth knowing: a director that is away will
	// hear of it later.
	Notes []string `json:"notes,omitempty"`
}

// Served is a real server in one service.
type Served struct {
	Service    string     `json:"service"` // "tcp 172.20.10.4:80", "fwmark 7"
	RealServer RealServer `json:"real_server"`
}
