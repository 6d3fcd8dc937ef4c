package conf

import "net/netip"

func (b *builder) ipvs(e *entry) IPVS {
	i := IPVS{
		Resync:        duration(e.get("resync")),
		RemoveOnStop:  val[string](e.get("on_stop")) == "remove",
		StopTimeout:   duration(e.get("stop_timeout")),
		TCPTimeout:    duration(e.get("tcp_timeout")),
		TCPFinTimeout: duration(e.get("tcpfin_timeout")),
		UDPTimeout:    duration(e.get("udp_timeout")),
	}
	s := e.get("sync")
	if !s.set || !s.table {
		return i
	}
	i.Sync = &SyncConfig{
		Enabled:   val[bool](s.get("enabled")),
		Interface: perDirector(b, s.get("interface"), func(Director) string { return "" }),
		ID:        int(val[int64](s.get("id"))),
		Group:     val[netip.Addr](s.get("group")),
		Port:      uint16(val[int64](s.get("port"))),
		TTL:       uint8(val[int64](s.get("ttl"))),
		MaxLen:    uint16(val[int64](s.get("maxlen"))),
	}
	return i
}

// syncs tells whether connections are synchronised.
func (d Deployment) syncs() bool { return d.IPVS.Sync != nil && d.IPVS.Sync.Enabled }
