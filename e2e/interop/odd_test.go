package interop

import "time"

// moreAddresses: adverts that list an address more than our configuration are
// followed all the same, and failover says so.
func moreAddresses(d *duel) {
	d.start()
	d.settled(d.peer)
	d.await(5*time.Second, "failover reports the address list", func() (bool, error) {
		return d.said("a neighbour's adverts differ from ours", "in=address-list"), nil
	})
}

// otherChecksum: a neighbour that knows only the checksum of RFC 5798 discards
// what is sent in the form of RFC 9568, and becomes master beside us.
func otherChecksum(d *duel) {
	d.start()
	d.is(d.ours, "master")
	d.is(d.peer, "master")
	d.remark("two masters; leave checksum at its default beside it")
}
