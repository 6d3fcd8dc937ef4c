// Package vrrp elects the master of a group of virtual routers.
//
// It implements VRRP version 3 for IPv4 and IPv6 (RFC 9568; the wire form of RFC
// 5798 is spoken too) and version 2 for IPv4 (RFC 3768), router by router: a
// group may mix them. RFC 9568 says Active where this program, like the tools of the
// field, says master.
//
// The unit of election is the [Group]: virtual routers that change role
// together, because half of a NAT pair is worse than none. A lone router is a
// group of one. [Group.Step] is pure: it takes the time and an [Input] and
// returns the [Output] list; it reads no clock, socket or random source. [Engine]
// is the loop that feeds it: one wait on a [Conn], one heap of deadlines. What
// an election means for the machine, addresses and announcements, is done by a
// [Host], outside the loop.
package vrrp
