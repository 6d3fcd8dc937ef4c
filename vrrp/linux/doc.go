// Package linux is the machine under the election on Linux: [Conn] carries
// adverts over raw sockets, [Host] holds the virtual addresses and announces
// them, [Host.Watch] reports what becomes of links and addresses.
//
// Conn is made for a loop that must not be late: it waits in ppoll, outside the
// Go runtime's poller and timers. Host and Watch talk netlink and may block;
// they run beside that loop.
//
// A socket belongs to the network namespace of the thread that made it. A
// program that runs in one namespace need not care.
package linux
