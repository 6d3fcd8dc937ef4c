// Package vrrptest is a wire and a machine to test elections with: a [Segment]
// that loses, delays and doubles adverts by a seed, a [Conn] on it, and a [Host]
// that holds addresses and refuses what Linux refuses.
//
// Time is that of the testing/synctest bubble they are made in.
package vrrptest

import (
	"time"

	"failover/vrrp"
)

// epoch is when the machines of a bubble were switched on. A bubble's clock
// starts at midnight UTC 2000-01-01; a boot clock is never zero.
var epoch = time.Date(1999, 12, 31, 23, 0, 0, 0, time.UTC)

// Now is the boot clock of the bubble.
func Now() vrrp.Instant { return vrrp.Instant(time.Since(epoch)) }
