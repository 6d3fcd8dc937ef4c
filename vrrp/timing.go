package vrrp

import "time"

// Priorities with a meaning of their own (RFC 9568 section 5.2.4).
const (
	priorityResign = 0   // the master stops taking part
	priorityLowest = 1   // ours: the master asks any healthy neighbour to take over
	priorityOwner  = 255 // the address owner
)

// SkewTime is Skew_Time: ((256 − priority) × Active_Adver_Interval) / 256
// (RFC 9568 section 6.1). The higher the priority, the sooner a backup moves.
func SkewTime(interval time.Duration, priority uint8) time.Duration {
	return time.Duration(256-int(priority)) * interval / 256
}

// MasterDownInterval is Active_Down_Interval: 3 × Active_Adver_Interval plus
// Skew_Time (RFC 9568 section 6.1). Both use the interval of the master's
// adverts, not our own.
func MasterDownInterval(interval time.Duration, priority uint8) time.Duration {
	return 3*interval + SkewTime(interval, priority)
}

// SkewTimeV2 is Skew_Time of version 2: (256 − priority) / 256 seconds, whatever
// the interval (RFC 3768 section 6.1).
func SkewTimeV2(priority uint8) time.Duration { return SkewTime(time.Second, priority) }

// skewTime is Skew_Time of a router's version.
func (c *RouterConfig) skewTime(interval time.Duration, priority uint8) time.Duration {
	if c.version() == Version2 {
		return SkewTimeV2(priority)
	}
	return SkewTime(interval, priority)
}

// masterDown is Master_Down_Interval of a router's version: 3 × the interval plus
// Skew_Time (RFC 3768 section 6.1, RFC 9568 section 6.1).
func (c *RouterConfig) masterDown(interval time.Duration, priority uint8) time.Duration {
	return 3*interval + c.skewTime(interval, priority)
}

// EffectivePriority is the priority a group takes part with: the configured one
// moved by health and kept within 1–254. The address owner's is always 255
// (RFC 9568 section 5.2.4); of its health only a fault counts.
func EffectivePriority(configured uint8, h Health) uint8 {
	switch {
	case configured == priorityOwner:
		return priorityOwner
	case h.Lowest:
		return priorityLowest
	}
	return uint8(min(max(int(configured)+h.Delta, 1), 254))
}
