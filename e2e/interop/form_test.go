package interop

import (
	"encoding/binary"
	"fmt"
	"os"
	"slices"

	"failover/vrrp"
)

// forms counts the adverts of each sender in a pcap file by what their checksum
// covers. It shares no code with failover.
func forms(file string) (map[string]map[vrrp.ChecksumForm]int, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	// The file's and the packets' headers are 24 and 16 bytes, in native order;
	// Ethernet's is 14.
	all := map[string]map[vrrp.ChecksumForm]int{}
	for b = b[min(24, len(b)):]; len(b) >= 16; {
		length := int(binary.NativeEndian.Uint32(b[8:]))
		if len(b) < 16+length || length < 14+20+8 {
			return nil, fmt.Errorf("%s: a packet of %d bytes", file, length)
		}
		ip := b[16+14 : 16+length]
		b = b[16+length:]
		if ip[0]>>4 != 4 {
			continue
		}
		message := ip[int(ip[0]&15)*4 : binary.BigEndian.Uint16(ip[2:])]
		pseudo := slices.Concat(ip[12:20], []byte{0, 112}, binary.BigEndian.AppendUint16(nil, uint16(len(message))))
		src := fmt.Sprintf("%d.%d.%d.%d", ip[12], ip[13], ip[14], ip[15])
		if all[src] == nil {
			all[src] = map[vrrp.ChecksumForm]int{}
		}
		switch {
		case onesComplement(message) == 0xffff:
			all[src][vrrp.ChecksumRFC9568]++
		case onesComplement(append(pseudo, message...)) == 0xffff:
			all[src][vrrp.ChecksumRFC5798]++
		default:
			all[src][""]++
		}
	}
	return all, nil
}

// onesComplement is the sum of RFC 1071; 0xffff means that a checksum in it is
// good. The length is even.
func onesComplement(b []byte) (sum uint32) {
	for ; len(b) > 1; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return sum
}

// formed sees that the checksums of both sides cover what they should.
func (d *duel) formed() {
	d.Helper()
	if d.trial.Family != 4 {
		return
	}
	for _, w := range d.wires {
		all, err := forms(w.File)
		if err != nil {
			d.Fatal(err)
		}
		for src, of := range all {
			version, want := d.trial.theirs().Version, d.trial.theirs().Checksum
			if slices.Contains(d.sources(d.ours), src) {
				version, want = d.trial.ours().Version, d.trial.checksum()
			}
			if version == 2 {
				want = vrrp.ChecksumRFC9568 // there the same: the message only
			}
			if len(of) != 1 || of[want] == 0 {
				d.Errorf("checksums of %s, which should be %s: %v", src, want, of)
			}
		}
	}
}
