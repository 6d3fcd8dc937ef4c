package interop

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"failover/vrrp"
)

// advert is one packet in the words of tshark. Each is captured at both ends.
type advert struct {
	at                                time.Time
	src, hops, version, priority, sum string
	malformed                         string
	expert                            string
}

var fields = []string{"frame.time_epoch", "ip.src", "ipv6.src", "ip.ttl", "ipv6.hlim", "vrrp.version", "vrrp.prio",
	"vrrp.checksum.status", "_ws.malformed", "_ws.expert.message"}

// adverts ends the capture and has it dissected.
func (d *duel) adverts() (all []advert) {
	d.Helper()
	// A capture is complete when nothing more comes.
	if err := errors.Join(d.ours.kill(), d.peer.kill()); err != nil {
		d.Fatal(err)
	}
	merge := "mergecap -w -"
	for _, w := range d.wires {
		if _, err := w.Stop(d.within(30 * time.Second)); err != nil {
			d.Fatal(err)
		}
		merge += " " + w.File
	}
	out, err := d.lab.Client.Run(d.within(time.Minute), "sh", "-ec",
		merge+" | tshark -r - -Y vrrp -T fields -e "+strings.Join(fields, " -e "))
	if err != nil {
		d.Fatal(err)
	}
	for line := range strings.Lines(out) {
		f := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if len(f) != len(fields) {
			d.Fatalf("tshark: %q", line)
		}
		epoch, err := strconv.ParseFloat(f[0], 64)
		if err != nil {
			d.Fatalf("tshark: %q: %v", line, err)
		}
		whole, part := math.Modf(epoch)
		all = append(all, advert{time.Unix(int64(whole), int64(part*1e9)), f[1] + f[2], f[3] + f[4], f[5], f[6], f[7], f[8], f[9]})
	}
	slices.SortFunc(all, func(a, b advert) int { return cmp.Compare(a.at.UnixNano(), b.at.UnixNano()) })
	return all
}

// dissect lets tshark judge every packet of the trial: none malformed, TTL 255,
// and a good checksum in the form that it knows, the one of RFC 5798. From the
// times on the wire it tells how long each take-over took.
func (d *duel) dissect() {
	d.Helper()
	var silent []string
	for _, p := range []party{d.ours, d.peer} {
		views, err := p.views(d.Context())
		if err != nil {
			d.Fatal(err)
		}
		for i, n := range networks(d.trial.Family) {
			if views[n.router].Sent == 0 {
				silent = append(silent, d.sources(p)[i])
			}
		}
	}
	all := d.adverts()
	count, bad := map[string]int{}, 0
	for _, a := range all {
		count[a.src]++
		version, form := d.trial.theirs().Version, d.trial.theirs().Checksum
		if slices.Contains(d.sources(d.ours), a.src) {
			version, form = d.trial.ours().Version, d.trial.Checksum
		}
		// Status 1 is good; this dissector does not know the newer form.
		newer := form == vrrp.ChecksumRFC9568 && version == 3 && d.trial.Family == 4
		hops := "255"
		if d.trial.NoTTL && !slices.Contains(d.sources(d.ours), a.src) {
			hops = "64"
		}
		good := a.hops == hops && a.version == strconv.Itoa(version) && a.malformed == "" && (a.sum == "1") != newer
		if !good {
			if bad++; bad < 10 {
				d.Errorf("dissected: %+v", a)
			}
		}
	}
	for _, src := range append(d.sources(d.ours), d.sources(d.peer)...) {
		if count[src] == 0 && !slices.Contains(silent, src) {
			d.Errorf("no advert from %s dissected: %v", src, count)
		}
	}
	for _, l := range d.losses {
		d.judge(l, all)
	}
}

// judge tells how long it took until the successor of a lost master spoke. The
// protocol's time holds where it speaks first; keepalived sends the first advert
// of a router that its sync group takes along up to an interval later.
func (d *duel) judge(l loss, all []advert) {
	d.Helper()
	limit := l.limit*3/2 + scheduling + l.still
	if d.trial.Peer == "frr" && d.trial.Family == 6 && l.successor == d.peer {
		// What FRR sends over IPv6 while its macvlan comes up is lost.
		limit += l.successor.side().Interval
		d.remark("its first advert as master is lost on its macvlan: it is heard an advert interval later")
	}
	var took []time.Duration
	for i := range networks(d.trial.Family) {
		silence, err := l.silence(all, d.sources(l.master)[i], d.sources(l.successor)[i])
		if err != nil {
			d.Error(err)
			return
		}
		took = append(took, silence)
	}
	said := fmt.Sprintf("%s of %s: %s took over after %v, the protocol's time is %v; the machine stood still for %v",
		l.event, l.master.name(), l.successor.name(), took, l.limit, l.still)
	d.Log(said)
	if slices.Min(took) > limit || slices.Max(took) > limit+l.successor.side().Interval {
		d.Error("too late: " + said)
	}
}

// sources are the addresses that a party's adverts come from, by network.
func (d *duel) sources(p party) (list []string) {
	for _, n := range networks(d.trial.Family) {
		source := n.source
		if d.trial.Transport == vrrp.Unicast {
			source = n.unicast
		}
		list = append(list, source[p.node().Name].String())
	}
	return list
}

// loss is one master lost: when, to whom, and the protocol's time for that.
type loss struct {
	event             string
	begin             time.Time
	master, successor party
	limit             time.Duration
	// still is for how long the whole machine stood still meanwhile, 0 where that
	// cannot be measured: nobody speaks in that time.
	still time.Duration
}

// scheduling is what a busy machine may need on top to wake a process.
const scheduling = 50 * time.Millisecond

// silence is the time from the last advert of the lost master, which is the one
// of priority 0 when it was stopped, to the first of its successor.
func (l loss) silence(all []advert, from, to string) (time.Duration, error) {
	first := slices.IndexFunc(all, func(a advert) bool { return a.src == to && a.at.After(l.begin) })
	if first < 0 {
		return 0, fmt.Errorf("%s: %s has sent nothing", l.event, l.successor.name())
	}
	for _, a := range slices.Backward(all[:first]) {
		if a.src != from {
			continue
		}
		// Who loses one link of two resigns on the other.
		if zero := a.priority == "0"; zero != (l.event == "stop") && l.event != "cut" {
			return 0, fmt.Errorf("%s: the last priority of %s is %s", l.event, l.master.name(), a.priority)
		}
		return all[first].at.Sub(a.at), nil
	}
	return 0, fmt.Errorf("%s: %s has never sent anything", l.event, l.master.name())
}
