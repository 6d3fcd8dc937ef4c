package engine

import (
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"

	"failover/e2e/lab"
)

// TestNoIPVS: virtual servers on a kernel without IPVS are refused at once, in
// words and with advice. It is the one configuration here that has them.
func TestNoIPVS(t *testing.T) {
	if lab.HasIPVS() == nil {
		t.Skip("this kernel has IPVS")
	}
	p := newPair(t, spec{})
	f := lab.Failover{Binary: program}
	if err := f.Configure(p.LB1, lab.Setup{}); err != nil {
		t.Fatal(err)
	}
	out, err := f.Run(p.within(30*time.Second), p.LB1, "run")
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 2 {
		t.Fatalf("run ends with %v, want exit code 2: %s", err, out)
	}
	for _, word := range []string{"failover: error: virtual servers need IPVS: ", "ip_vs", "failover: hint: load the module"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("run without IPVS does not say %q: %v", word, err)
		}
	}
	for _, a := range p.addresses() {
		if p.holds(p.LB1, a) {
			t.Errorf("the refused program left %s", a)
		}
	}
}
