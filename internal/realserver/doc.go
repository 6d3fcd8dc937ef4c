// Package realserver decides what makes a machine a real server of the
// configuration: the addresses of its services on the loopback interface and
// silence about them in ARP (dr, tun), the far ends of tunnels (tun), the default
// route by the directors (nat). [For] is pure; internal/host carries it out, on a
// director that is a real server as well.
package realserver
