package lvs

import (
	"fmt"
	"strings"
)

// Timeouts are how long the kernel keeps connections that carry nothing, in whole
// seconds (ipvsadm --set; net/netfilter/ipvs/ip_vs_ctl.c, ip_vs_set_timeout). As
// part of a wanted table or of an operation, 0 leaves a timeout as it is.
type Timeouts struct {
	TCP    uint32 // established
	TCPFin uint32 // after a FIN
	UDP    uint32 // between two datagrams
}

// String writes the timeouts that are set: "tcp 900 s, udp 30 s".
func (t Timeouts) String() string {
	var words []string
	for _, one := range t.named() {
		if one.seconds != 0 {
			words = append(words, fmt.Sprintf("%s %d s", one.name, one.seconds))
		}
	}
	return strings.Join(words, ", ")
}

type namedTimeout struct {
	name    string
	seconds uint32
}

func (t Timeouts) named() [3]namedTimeout {
	return [3]namedTimeout{{"tcp", t.TCP}, {"tcpfin", t.TCPFin}, {"udp", t.UDP}}
}

// diffTimeouts sets what is wanted and differs. The timeouts belong to the whole
// kernel, so that nothing is put back when they are not wanted any more: nobody
// knows what another program wants them to be.
func diffTimeouts(actual, desired Timeouts) []Op {
	var change Timeouts
	var why []string
	set := [3]*uint32{&change.TCP, &change.TCPFin, &change.UDP}
	have := actual.named()
	for i, want := range desired.named() {
		if want.seconds == 0 || want.seconds == have[i].seconds {
			continue
		}
		*set[i] = want.seconds
		why = append(why, fmt.Sprintf("%s timeout %d s, was %d s", want.name, want.seconds, have[i].seconds))
	}
	if why == nil {
		return nil
	}
	return []Op{{Kind: SetTimeouts, Timeouts: change, Reason: strings.Join(why, "; ")}}
}
