//go:build linux

package ipvs

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"failover/lvs"
)

// connPath is the table of connections, in the network namespace of the calling
// thread.
const connPath = "/proc/thread-self/net/ip_vs_conn"

// Connections gives every connection of the kernel's table to f. The kernel begins at
// the first one again for each page of text, some thirty lines (ip_vs_conn.c,
// ip_vs_conn_array): ten times as many take up to a hundred times as long
// (BenchmarkConnections; twenty thousand in an emulated guest 0.5 s, a hundred thousand
// 32 s).
func Connections(f func(lvs.Conn)) (err error) {
	file, err := os.Open(connPath)
	if err != nil {
		return fmt.Errorf("ipvs: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return lvs.ReadConns(file, f)
}

// CopyConnections writes the kernel's table of connections as the kernel does, for
// [lvs.ReadConns].
func CopyConnections(w io.Writer) (err error) {
	file, err := os.Open(connPath)
	if err != nil {
		return fmt.Errorf("ipvs: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	_, err = io.Copy(w, file)
	return err
}

// TellBackup gives messages of synchronisation to the backup daemon of this machine,
// and to nobody else: they are looped back by the interface, and with a time to live
// of 0 they do not leave it (net/ipv4/ip_output.c, ip_mc_output;
// net/ipv6/ip6_output.c, ip6_finish_output2).
func TellBackup(s lvs.Sync, messages [][]byte) (err error) {
	link, err := net.InterfaceByName(s.Interface)
	if err != nil {
		return fmt.Errorf("ipvs: tell the backup daemon: %w", err)
	}
	to := &net.UDPAddr{IP: s.Group.AsSlice(), Port: int(s.Port)}
	network := "udp4"
	if s.Group.Is6() {
		network, to.Zone = "udp6", s.Interface
	}
	c, err := net.ListenUDP(network, nil)
	if err != nil {
		return fmt.Errorf("ipvs: tell the backup daemon: %w", err)
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if s.Group.Is6() {
		p := ipv6.NewPacketConn(c)
		err = errors.Join(p.SetMulticastInterface(link), p.SetMulticastLoopback(true), p.SetMulticastHopLimit(0))
	} else {
		p := ipv4.NewPacketConn(c)
		err = errors.Join(p.SetMulticastInterface(link), p.SetMulticastLoopback(true), p.SetMulticastTTL(0))
	}
	for _, m := range messages {
		if err == nil {
			_, err = c.WriteTo(m, to)
		}
	}
	if err != nil {
		return fmt.Errorf("ipvs: tell the backup daemon on %s: %w", s.Interface, err)
	}
	return nil
}
