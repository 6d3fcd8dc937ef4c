package interop

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"failover/internal/api"
)

// different waits until the status of failover names the neighbour and what
// differs: among the neighbours of the router, among the problems, and in what an
// operator reads. A neighbour that falls silent is soon no problem any more.
func (d *duel) different(rejected, field, ours, theirs string) {
	d.Helper()
	peer := d.sources(d.peer)[0]
	want := fmt.Sprintf("%s %s, ours %s", field, theirs, ours)
	var listed, problem, read bool
	d.poll(d.within(30*time.Second), 200*time.Millisecond, func() (bool, error) {
		status, err := d.ours.status(d.Context())
		if err != nil {
			return false, err
		}
		problem = problem || slices.ContainsFunc(status.Problems, func(p string) bool {
			return strings.HasPrefix(p, "outside: neighbour "+peer+" ") && strings.HasSuffix(p, ": "+want)
		})
		for _, r := range status.Directors[0].VirtualRouters {
			if r.Name != "outside" || len(r.Neighbours) != 1 {
				continue
			}
			n := r.Neighbours[0]
			listed = listed || n.Address == peer && n.Alive && n.RejectedBy == rejected &&
				slices.Contains(n.Differs, api.Difference{Field: field, Ours: ours, Theirs: theirs})
		}
		// It ends with 1 where something is wrong.
		out, err := d.ours.node().Run(d.Context(), program, "status")
		read = read || err != nil && strings.Contains(out, want)
		return listed && problem && read, nil
	}, func(err error) {
		d.Fatalf("failover says %q of its neighbour: listed %v, problem %v, read %v: %v", want, listed, problem, read, err)
	})
}

// status is what the program's status says; the exit code is 1 where something is
// wrong, and the answer is complete.
func (o *ours) status(ctx context.Context) (s api.Status, err error) {
	out, runErr := o.node().Run(ctx, program, "status", "--json")
	if err := json.Unmarshal([]byte(out), &s); err != nil {
		return s, fmt.Errorf("status of failover: %w: %w", runErr, err)
	}
	return s, nil
}

// rejects waits until a party has rejected that many adverts of the router
// outside, and has accepted none.
func (d *duel) rejects(p party, count uint64) {
	d.Helper()
	said := d.says(p, 20*time.Second, time.Second/2, fmt.Sprintf("has rejected %d adverts", count), func(said map[string]view) bool {
		return said["outside"].Rejected >= count
	})
	if v := said["outside"]; v.Received != 0 {
		d.Errorf("%s has accepted some: %+v", p.name(), v)
	}
}

// moreAddresses: adverts that list an address more than our configuration are
// followed all the same, and failover says so.
func moreAddresses(d *duel) {
	d.start()
	d.settled(d.peer)
	d.different("", "addresses", "172.20.10.4", "172.20.10.4 172.20.10.9")
}

// fewerAddresses: a neighbour that compares lists discards the adverts of a
// failover that has an address more. It stays backup only because its sync group
// still hears the other router.
func fewerAddresses(d *duel) {
	d.start()
	if d.trial.Result == "" {
		d.settled(d.ours)
		return
	}
	d.is(d.ours, "master")
	d.is(d.peer, "backup")
	d.rejects(d.peer, 5)
	d.remark("only its sync group keeps it from becoming master as well; change both lists at the same time")
}

// otherChecksum: a neighbour that knows only one form of the checksum discards
// what is sent in the other one, and becomes master beside us. We accept both, and
// leave it the mastership.
func otherChecksum(d *duel) {
	d.start()
	d.left()
	if d.trial.Peer == "keepalived" {
		d.complains("(outside) Invalid VRRPv3 checksum")
	}
	d.different("", "checksum", string(d.trial.checksum()), string(d.trial.theirs().Checksum))
	d.remark(`it goes on as master and is left the mastership; set checksum = %q beside it`, d.trial.theirs().Checksum)
}

// left waits until the mastership is left to the peer, though we outrank it, and
// sees that it stays so.
func (d *duel) left() {
	d.Helper()
	d.is(d.peer, "master")
	d.is(d.ours, "backup")
	d.holds(20*time.Second, d.peer, true)
	d.answered(d.peer)
	before, err := d.ours.views(d.Context())
	if err != nil {
		d.Fatal(err)
	}
	spoken := func(v view) uint64 { return v.Received + v.Rejected }
	every := d.peer.side().Interval
	after := d.says(d.ours, 20*time.Second, every, "hears five more adverts", func(now map[string]view) bool {
		return spoken(now["outside"]) >= spoken(before["outside"])+5
	})
	if a, b := before["outside"], after["outside"]; a.Transitions != b.Transitions || b.State != "backup" || b.Sent > a.Sent+1 { // it says once more that it gave way
		d.Errorf("the backup does not rest: %+v, then %+v", a, b)
	}
}

// complains waits until the peer's log has some words.
func (d *duel) complains(words string) {
	d.Helper()
	d.await(5*time.Second, d.peer.name()+" complains: "+words, func() (bool, error) {
		return strings.Contains(d.peer.log(), words), nil
	})
}

// followedChecksum: a master whose checksum is in the other form is followed, and
// failover says so.
func followedChecksum(d *duel) {
	d.start()
	d.settled(d.peer)
	d.different("", "checksum", string(d.trial.checksum()), string(d.trial.theirs().Checksum))
}

// strange: each discards what the other one sends, as the RFCs have it, and the
// one that cannot help it is left the mastership. The status of failover has the
// one field that differs.
func (d *duel) strange(rejected, field, ours, theirs string) {
	d.Helper()
	d.start()
	d.left()
	if d.peer.counts(rejected) {
		d.rejects(d.peer, 1)
	}
	d.different(rejected, field, ours, theirs)
	d.remark("it goes on as master and is left the mastership")
}

// hopLimit: adverts that may have crossed a router are discarded (RFC 9568 section
// 5.1.2.3), and are nobody's: only their number shows.
func hopLimit(d *duel) {
	d.start()
	d.is(d.ours, "master")
	d.is(d.peer, "master")
	d.rejects(d.ours, 5)
	routers, err := d.ours.routers(d.Context())
	if err != nil {
		d.Fatal(err)
	}
	for _, r := range routers {
		if r.RejectedBy["ttl"] != r.AdvertsRejected {
			d.Errorf("%s: rejected by reason: %v", r.Name, r.RejectedBy)
		}
	}
	d.remark("two masters; write unicast_ttl 255")
}
