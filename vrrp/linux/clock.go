package linux

import (
	"fmt"

	"golang.org/x/sys/unix"

	"failover/vrrp"
)

// Now reads the boot clock, CLOCK_BOOTTIME: suspend included, the same for every
// process of a boot.
func Now() vrrp.Instant {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		// Linux has had this clock since 2.6.39; the call cannot fail otherwise.
		panic(fmt.Sprintf("linux: read the boot clock: %v", err))
	}
	return vrrp.Instant(ts.Nano())
}
