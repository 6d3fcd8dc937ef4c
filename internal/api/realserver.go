package api

// RealServerHost is what `failover realserver status --json` prints.
type RealServerHost struct {
	// Ready tells that every setting is as it should be.
	Ready bool `json:"ready"`
	// Changes are what up or down has done now, in words.
	Changes  []string         `json:"changes"`
	Roles    []RealServerRole `json:"real_servers"`
	Settings []MachineSetting `json:"settings"`
	Notes    []string         `json:"notes"` // what has to be done by hand
}

// RealServerRole is one real server of the configuration that a host is.
type RealServerRole struct {
	VirtualServer string `json:"virtual_server"`
	RealServer    string `json:"real_server"`
	Service       string `json:"service"` // as ipvsadm writes it
	Address       string `json:"address"`
	Forward       string `json:"forward"`
	Sorry         bool   `json:"sorry"`
	Gateway       string `json:"gateway,omitempty"`
}

// MachineSetting is one setting of a machine that the configuration needs.
type MachineSetting struct {
	Kind string `json:"kind"` // module, tunnel, sysctl, address, route, nftables
	Name string `json:"name"`
	Want string `json:"want"`
	Have string `json:"have"`
	OK   bool   `json:"ok"`
}
