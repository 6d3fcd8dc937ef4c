package lab

import (
	"testing"
	"time"
)

// TestRenew: in its new namespace a director has nothing of the old one but its
// files, and is where it was once its interfaces are back.
func TestRenew(t *testing.T) {
	l := newLab(t)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(l.LB1.WriteFile("/etc/kept", []byte("yes"), 0o644))
	must(l.Renew(l.LB1))
	must(l.Insert(l.LB1, "outside"))
	must(l.Insert(l.LB1, "inside"))
	must(l.LB1.Sysctl("net/ipv4/ip_forward", "1"))
	must(l.Renew(l.LB1))                                             // once more
	if have, err := l.LB1.Addresses(); err != nil || len(have) > 2 { // those of lo
		t.Errorf("%v, %v", have, err)
	}
	if text, err := l.LB1.ReadFile("/proc/thread-self/net/dev"); err != nil || len(text) == 0 {
		t.Errorf("%q, %v", text, err)
	}
	if text, err := l.LB1.ReadFile("/proc/sys/net/ipv4/ip_forward"); err != nil || string(text) != "0\n" {
		t.Errorf("a setting of the old one: %q, %v", text, err)
	}
	if text, err := l.LB1.ReadFile("/etc/kept"); err != nil || string(text) != "yes" {
		t.Errorf("its files: %q, %v", text, err)
	}
	must(l.Insert(l.LB1, "outside"))
	must(l.Insert(l.LB1, "inside"))
	err := Eventually(within(t, 20*time.Second), "it reaches the other director", func() (bool, error) {
		_, err := l.LB1.Run(t.Context(), "ping", "-c", "1", "-W", "1", "192.168.33.94")
		return err == nil, nil
	})
	must(err)
}
