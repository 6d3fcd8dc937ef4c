//go:build linux

package ipvs

import (
	"context"
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
// thread; originPath has their origin too, but not what a persistence engine knows.
const (
	connPath   = "/proc/thread-self/net/ip_vs_conn"
	originPath = "/proc/thread-self/net/ip_vs_conn_sync"
)

// Connections gives every connection of the kernel's table to f. The kernel begins at
// the first one again for each page of text, some thirty lines (ip_vs_conn.c,
// ip_vs_conn_array): ten times as many take up to a hundred times as long
// (BenchmarkConnections; twenty thousand in an emulated guest 0.5 s, a hundred thousand
// 32 s). The context ends it between two pages.
func Connections(ctx context.Context, f func(lvs.Conn)) (err error) {
	file, err := os.Open(originPath)
	if err != nil {
		return fmt.Errorf("ipvs: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return lvs.ReadConns(until{ctx, file}, f)
}

// until reads as long as its context lasts.
type until struct {
	ctx context.Context
	io.Reader
}

func (u until) Read(b []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.Reader.Read(b)
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
func TellBackup(s lvs.Sync, messages [][]byte) error {
	if err := send(s, messages, 0, true); err != nil {
		return fmt.Errorf("ipvs: tell the backup daemon on %s: %w", s.Interface, err)
	}
	return nil
}

// TellOthers gives messages of synchronisation to the backup daemons of the other
// machines, and not to that of this one, as the kernel's master of s does
// (ip_vs_sync.c, make_send_sock).
func TellOthers(s lvs.Sync, messages [][]byte) error {
	if err := send(s, messages, max(1, int(s.TTL)), false); err != nil {
		return fmt.Errorf("ipvs: tell the other directors on %s: %w", s.Interface, err)
	}
	return nil
}

// send sends messages to the group of s on its interface.
func send(s lvs.Sync, messages [][]byte, ttl int, loopback bool) (err error) {
	link, err := net.InterfaceByName(s.Interface)
	if err != nil {
		return err
	}
	to := &net.UDPAddr{IP: s.Group.AsSlice(), Port: int(s.Port)}
	network := "udp4"
	if s.Group.Is6() {
		network, to.Zone = "udp6", s.Interface
	}
	c, err := net.ListenUDP(network, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if s.Group.Is6() {
		p := ipv6.NewPacketConn(c)
		err = errors.Join(p.SetMulticastInterface(link), p.SetMulticastLoopback(loopback), p.SetMulticastHopLimit(ttl))
	} else {
		p := ipv4.NewPacketConn(c)
		err = errors.Join(p.SetMulticastInterface(link), p.SetMulticastLoopback(loopback), p.SetMulticastTTL(ttl))
	}
	for _, m := range messages {
		if err == nil {
			_, err = c.WriteTo(m, to)
		}
	}
	return err
}
