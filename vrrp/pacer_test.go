package vrrp

import (
	"testing"
	"time"
)

func TestPacer(t *testing.T) {
	var p pacer
	now := time.Unix(1000, 0)
	take := func(iface string) (n int) {
		for p.wait(iface, now) == 0 {
			n++
		}
		return n
	}
	if n := take("eth1"); n != announceAtOnce {
		t.Errorf("%d at once", n)
	}
	if d := p.wait("eth1", now); d != announceApart {
		t.Errorf("the next one waits for %v", d)
	}
	if n := take("eth2"); n != announceAtOnce {
		t.Errorf("%d on another interface", n)
	}
	now = now.Add(announceApart)
	if n := take("eth1"); n != 1 {
		t.Errorf("%d after a pause", n)
	}
	now = now.Add(7 * announceApart) // who wakes late makes up for it
	if n := take("eth1"); n != 7 {
		t.Errorf("%d after seven", n)
	}
	now = now.Add(time.Hour)
	if n := take("eth1"); n != announceAtOnce {
		t.Errorf("%d after a long pause", n)
	}
}
