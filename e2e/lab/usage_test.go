package lab

import (
	"testing"
	"time"
)

// TestUsage: of a service that does nothing but compute, with a process beside it
// that sleeps.
func TestUsage(t *testing.T) {
	l := newLab(t)
	u, err := l.LB1.Supervise(UnitSpec{Name: "busy", ExecStart: []string{"sh", "-c", "sleep 60 & while :; do :; done"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := u.Start(within(t, 10*time.Second)); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	var now Usage
	err = Eventually(within(t, 30*time.Second), "it has computed for 0.1 s", func() (bool, error) {
		var err error
		now, err = u.Usage()
		return now.CPU >= 100*time.Millisecond, err
	})
	if err != nil {
		t.Fatal(err)
	}
	if now.Processes != 2 || now.Resident < 100<<10 || now.Resident > 100<<20 || now.Proportional <= 0 || now.Proportional > now.Resident || now.CPU > time.Since(begin)+time.Second/ticks {
		t.Errorf("two shells use %+v after %v", now, time.Since(begin))
	}
	if err := u.Kill9(false); err != nil {
		t.Fatal(err)
	}
	if now, err := u.Usage(); err != nil || now != (Usage{}) {
		t.Errorf("killed it uses %+v, %v", now, err)
	}
}
