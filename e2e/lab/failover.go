package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// Failover is this project's program.
type Failover struct {
	// Binary is its path.
	Binary string
}

// FindFailover takes the binary that FAILOVER_BIN names.
func FindFailover() (Failover, error) {
	bin := os.Getenv("FAILOVER_BIN")
	if bin == "" {
		return Failover{}, errors.New("lab: FAILOVER_BIN does not name the program to test; scripts/test builds it and sets it")
	}
	if _, err := os.Stat(bin); err != nil {
		return Failover{}, fmt.Errorf("lab: FAILOVER_BIN: %w", err)
	}
	return Failover{Binary: bin}, nil
}

// Name implements [System].
func (Failover) Name() string { return "failover" }

// Prepare implements [System]: nothing, failover does what it needs.
func (Failover) Prepare(*Node) error { return nil }

// Unit implements [System]: scripts/units/failover.service in the words of the
// lab.
func (f Failover) Unit(*Node) UnitSpec {
	return UnitSpec{
		Name:             "failover",
		ExecStart:        []string{f.Binary, "run"},
		ExecStopPost:     []string{f.Binary, "release", "--if-dead"},
		Notify:           true,
		Restart:          true,
		RuntimeDirectory: "failover",
		StopTimeout:      95 * time.Second,

		RestartPreventExitStatus: 2,
	}
}

// Configure implements [System].
func (Failover) Configure(n *Node, s Setup) error {
	return n.WriteFile("/etc/failover/failover.toml", []byte(failoverTOML(s)), 0o644)
}

// Run runs a command of the program on a director, which finds itself by its
// host name, and returns what it prints.
func (f Failover) Run(ctx context.Context, n *Node, args ...string) (string, error) {
	return n.Run(ctx, append([]string{f.Binary}, args...)...)
}

// PublicKey is what failover keygen prints for the file: its last line.
func PublicKey(keygen string) (key string, err error) {
	lines := strings.Split(strings.TrimSpace(keygen), "\n")
	if _, err := fmt.Sscanf(lines[len(lines)-1], "public_key = %q", &key); err != nil {
		return "", fmt.Errorf("lab: failover keygen printed no public key: %q: %w", keygen, err)
	}
	return key, nil
}

func failoverTOML(s Setup) string {
	s = s.withDefaults()
	var b strings.Builder
	for _, d := range []struct{ name, address string }{{"lb1", "192.168.33.91"}, {"lb2", "192.168.33.94"}} {
		fmt.Fprintf(&b, "[director.%s]\naddress = %q\npriority = %d\n", d.name, d.address, s.Priority[d.name])
		if key := s.PublicKeys[d.name]; key != "" {
			fmt.Fprintf(&b, "public_key = %q\n", key)
		}
	}
	for _, r := range s.Routers {
		fmt.Fprintf(&b, "\n[virtual_router.%s]\ninterface = %q\nvrid = %d\naddresses = [%q]\n", r.Name, r.Link, r.VRID, r.Address)
		fmt.Fprintf(&b, "advert_interval = %q\npreempt = %t\n", s.AdvertInterval, !s.NoPreempt)
		fmt.Fprintln(&b, s.RouterLines)
		if r.Group != "" {
			fmt.Fprintf(&b, "group = %q\n", r.Group)
		}
	}
	if s.RoutersOnly {
		return b.String()
	}
	fmt.Fprintf(&b, "\n[virtual_server.web]\naddress = %q\nscheduler = %q\nforward = %q\n%s\n", Service, s.Scheduler, s.Forward, s.ServerLines)
	if s.Check != "none" {
		path := ""
		if s.Check == "http" {
			path = `, path = "/"`
		}
		fmt.Fprintf(&b, "check = { kind = %q%s, interval = %q, timeout = %q, rise = %d, fall = %d }\n",
			s.Check, path, s.CheckInterval, s.CheckTimeout, s.Rise, s.Fall)
	}
	fmt.Fprintf(&b, "real_server = [\n")
	for _, rs := range s.Servers {
		fmt.Fprintf(&b, "  { name = %q, address = %q, weight = %d%s },\n", rs.Name, rs.Address, rs.Weight, rs.Lines)
	}
	fmt.Fprintf(&b, "]\n")
	if !s.NoSync {
		fmt.Fprintf(&b, "\n[ipvs.sync]\ninterface = \"eth1\"\nid = 51\n")
	}
	fmt.Fprintln(&b, s.Lines)
	return b.String()
}
