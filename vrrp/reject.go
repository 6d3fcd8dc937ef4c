package vrrp

// Reject says why a received packet was discarded (RFC 9568 section 7.1, RFC 3768
// section 7.1). It is
// an error and, as it stands, the label of a counter.
type Reject string

// The reasons a packet is discarded.
const (
	RejectTTL         Reject = "ttl"          // not 255: it crossed a router
	RejectVersion     Reject = "version"      // not the version that is configured
	RejectType        Reject = "type"         // not an advertisement
	RejectLength      Reject = "length"       // shorter than its own fields say
	RejectChecksum    Reject = "checksum"     // wrong in both forms
	RejectCount       Reject = "count"        // no address at all
	RejectInterval    Reject = "interval"     // an advertisement interval of zero
	RejectVRID        Reject = "unknown-vrid" // not configured on that interface
	RejectDestination Reject = "destination"  // multicast where unicast is configured, or the reverse
	RejectSource      Reject = "source"       // unicast from somebody who is not a peer
	RejectOwn         Reject = "own-packet"   // our own source address: an echo, or a duplicate address
	RejectAuthType    Reject = "auth-type"    // version 2: not our type of authentication
	RejectAuth        Reject = "auth"         // version 2: not our password
	RejectV2Interval  Reject = "v2-interval"  // version 2: not our Advertisement_Interval
)

// Rejects lists every reason, in the order the checks are made.
var Rejects = []Reject{
	RejectTTL, RejectLength, RejectVersion, RejectType, RejectCount, RejectChecksum, RejectInterval,
	RejectVRID, RejectDestination, RejectSource, RejectOwn,
	RejectAuthType, RejectAuth, RejectV2Interval,
}

func (r Reject) Error() string { return "vrrp: advert rejected: " + string(r) }

// Mismatch is something odd about an advert that was accepted all the same. It
// is counted and logged once, because it points at two configurations that
// differ; it never splits a pair.
type Mismatch string

// The oddities of accepted adverts.
const (
	MismatchAddresses Mismatch = "address-list" // not our list of addresses, in any order
	MismatchInterval  Mismatch = "interval"     // not our Advertisement_Interval
	MismatchChecksum  Mismatch = "checksum"     // the other checksum form
	MismatchOwner     Mismatch = "owner"        // priority 255 heard by a router of priority 255
	MismatchTrailing  Mismatch = "trailing"     // bytes after the last address
)

// Mismatches lists every oddity, in the order of its bit in the notes of a router.
var Mismatches = []Mismatch{
	MismatchAddresses, MismatchInterval, MismatchChecksum, MismatchOwner, MismatchTrailing,
}
