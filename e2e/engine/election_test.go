package engine

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"failover/e2e/lab"
)

// The adverts of each director, by their source.
var (
	speaks = map[string][2]string{
		"lb1": {"172.20.10.5", "192.168.33.91"},
		"lb2": {"172.20.10.6", "192.168.33.94"},
	}
	wires = [2]string{"eth2", "eth1"}
	vrids = [2]uint8{51, 52}
)

func TestElectionMulticast(t *testing.T) { election(t, spec{}, "224.0.0.18") }

func TestElectionUnicast(t *testing.T) {
	election(t, spec{router: `transport = "unicast"`}, "")
}

// election: the better one becomes master of both routers, says so on both
// wires, and the whole group goes to the other one when it is cut off.
func election(t *testing.T, s spec, dst string) {
	p := newPair(t, s)
	taps := [2]*tap{p.tap(p.LB2, wires[0]), p.tap(p.LB2, wires[1])}
	begin := time.Now()
	p.settled()
	for i := range wires {
		to := dst
		if to == "" {
			to = speaks["lb2"][i]
		}
		p.await(5*time.Second, "some adverts of lb1 on "+wires[i], func() bool {
			return len(taps[i].adverts(speaks["lb1"][i], begin)) > 5
		})
		all := taps[i].adverts(speaks["lb1"][i], begin)
		for _, f := range all {
			if f.ttl != 255 || f.vrid != vrids[i] || f.priority != 150 || f.bad != nil || f.dst.String() != to {
				t.Errorf("%s: ttl %d, %v", f, f.ttl, f.bad)
			}
		}
		if gap := longest(all[1:]); gap > 3*p.spec.every() {
			t.Errorf("%s: adverts up to %v apart at an interval of %v", wires[i], gap, p.spec.every())
		}
	}
	for _, r := range []string{"outside", "inside"} {
		if got := p.router(p.LB1, r); got.State != "master" || got.AdvertsRejected != 0 {
			t.Errorf("lb1 %s: %+v", r, got)
		}
		if got := p.router(p.LB2, r); got.State != "backup" || got.AdvertsReceived == 0 || got.AdvertsRejected != 0 {
			t.Errorf("lb2 %s: %+v", r, got)
		}
	}
	// One wire of two: the group moves as one.
	if err := p.Cut(p.LB1, "inside"); err != nil {
		t.Fatal(err)
	}
	p.holder(p.LB2)
	if got := p.router(p.LB1, "outside"); got.State != "fault" || !strings.Contains(got.Cause, "eth1") {
		t.Errorf("lb1 outside, whose group has lost eth1: %s, %s", got.State, got.Cause)
	}
	if err := p.Restore(p.LB1, "inside"); err != nil {
		t.Fatal(err)
	}
	p.holder(p.LB1)
}

// TestAnnouncements: gratuitous ARP in both forms, at the times that are
// configured by default.
func TestAnnouncements(t *testing.T) {
	p := newPair(t, spec{})
	client := p.tap(p.Client, "eth0")
	begin := time.Now()
	p.settled()
	mac := p.mac(p.LB1, "eth2")
	rounds := func(op int) []frame {
		return client.frames(func(f frame) bool {
			return f.op == op && f.src == outside && f.target == outside && f.from.String() == mac
		})
	}
	times := []time.Duration{0, 10 * time.Millisecond, 50 * time.Millisecond, 250 * time.Millisecond, time.Second, 5 * time.Second}
	p.await(10*time.Second, "six rounds of both forms", func() bool {
		return len(rounds(1)) >= len(times) && len(rounds(2)) >= len(times)
	})
	for op, hw := range map[int]string{1: "00:00:00:00:00:00", 2: "ff:ff:ff:ff:ff:ff"} {
		got := rounds(op)
		for i, f := range got {
			if f.to.String() != "ff:ff:ff:ff:ff:ff" || f.targetHW.String() != hw {
				t.Errorf("%s: to %s", f, f.to)
			}
			if i >= len(times) {
				t.Errorf("one round more: %s", f)
				continue
			}
			if late := f.at.Sub(got[0].at) - times[i]; late < -5*time.Millisecond || late > 40*time.Millisecond {
				t.Errorf("round %d of form %d came at %v, want %v", i, op, f.at.Sub(got[0].at), times[i])
			}
		}
	}
	// First the advert, then the address, then its announcement.
	first := client.adverts(speaks["lb1"][0], begin)[0]
	if d := rounds(1)[0].at.Sub(first.at); d < 0 || d > 100*time.Millisecond {
		t.Errorf("the first announcement came %v after the first advert", d)
	}
}

// TestForeignDissector: tshark finds nothing wrong with what we send.
func TestForeignDissector(t *testing.T) {
	for transport, form := range map[string]string{"multicast": "rfc5798", "unicast": "rfc9568"} {
		t.Run(transport+" "+form, func(t *testing.T) {
			p := newPair(t, spec{router: "transport = \"" + transport + "\"\nchecksum = \"" + form + "\""})
			dissectorAgrees(t, p, form)
		})
	}
}

func dissectorAgrees(t *testing.T, p *pair, form string) {
	if _, err := p.Client.Run(t.Context(), "tshark", "--version"); err != nil {
		t.Skip("no tshark: ", err)
	}
	c, err := p.LB2.Capture(p.within(10*time.Second), "eth2", "vrrp or arp")
	if err != nil {
		t.Fatal(err)
	}
	p.settled()
	p.await(5*time.Second, "lb2 has heard adverts", func() bool { return p.router(p.LB2, "outside").AdvertsReceived >= 3 })
	if err := p.units[p.LB1].Stop(p.within(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	p.holder(p.LB2)
	if _, err := c.Stop(p.within(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	out, err := p.Client.Run(p.within(30*time.Second), "tshark", "-r", c.File, "-Y", "vrrp || arp.isgratuitous", "-T", "fields",
		"-e", "frame.protocols", "-e", "ip.src", "-e", "ip.ttl", "-e", "ip.checksum.status", "-e", "vrrp.checksum.status",
		"-e", "vrrp.prio", "-e", "_ws.expert.message", "-e", "_ws.malformed", "-o", "ip.check_checksum:TRUE")
	if err != nil {
		t.Fatal(err)
	}
	adverts, arps := 0, 0
	for line := range strings.Lines(out) {
		f := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if strings.Contains(f[0], "arp") {
			arps++
			continue
		}
		adverts++
		// This dissector knows the older checksum form only; status 1 is good.
		if f[2] != "255" || f[3] != "1" || (form == "rfc5798" && f[4] != "1") || f[7] != "" {
			t.Errorf("dissected: %q", f)
		}
	}
	if adverts < 5 || arps < 2 {
		t.Errorf("%d adverts and %d announcements dissected:\n%s", adverts, arps, out)
	}
}

// mac is the hardware address of an interface.
func (p *pair) mac(n *lab.Node, link string) string {
	p.t.Helper()
	b, err := n.ReadFile("/sys/class/net/" + link + "/address")
	if err != nil {
		p.t.Fatal(err)
	}
	return string(bytes.TrimSpace(b))
}
