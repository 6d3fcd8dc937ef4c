package interop

import (
	"strings"
	"time"
)

// moreAddresses: adverts that list an address more than our configuration are
// followed all the same, and failover says so.
func moreAddresses(d *duel) {
	d.start()
	d.settled(d.peer)
	d.await(5*time.Second, "failover reports the address list", func() (bool, error) {
		return d.said("a neighbour's adverts differ from ours", "in=address-list"), nil
	})
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
	var said map[string]view
	d.await(10*time.Second, d.peer.name()+" has rejected ten adverts", func() (ok bool, err error) {
		said, err = d.peer.views(d.Context())
		return said["outside"].Rejected >= flapping, err
	})
	if v := said["outside"]; v.Received != 0 {
		d.Errorf("%s has accepted some: %+v", d.peer.name(), v)
	}
	d.remark("only its sync group keeps it from becoming master as well; change both lists at the same time")
}

// otherChecksum: a neighbour that knows only the checksum of RFC 5798 discards
// what is sent in the form of RFC 9568, and becomes master beside us. It goes on,
// and is left the mastership.
func otherChecksum(d *duel) {
	d.start()
	d.is(d.peer, "master")
	d.is(d.ours, "backup")
	d.holds(20*time.Second, d.peer, true)
	if d.trial.Peer == "keepalived" {
		d.await(5*time.Second, "keepalived complains", func() (bool, error) {
			return strings.Contains(d.peer.(*keepalived).unit.LogTail(100000), "(outside) Invalid VRRPv3 checksum"), nil
		})
	}
	d.remark("it goes on as master and is left the mastership; leave checksum at its default beside it")
}
