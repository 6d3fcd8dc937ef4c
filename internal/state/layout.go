package state

import (
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"unsafe"

	"failover/vrrp"
)

// The layout of a page, in the machine's own byte order, for it never leaves the
// machine:
//
//	header, 64 bytes:  0 magic  8 version  16 boot id (36)
//	slots, 64 bytes:   0 record  8 length of the name, 0: free  16 name (48)
//
// A record is one word, stored and read in one piece, so that a process killed
// at any moment leaves the old record or the new one: bit 0 is Master, the bits
// above it are LastAdvert in nanoseconds, which lasts for 146 years of uptime.
const (
	headerLen = 64
	slotLen   = 64
	slotName  = 16

	pageMagic   = uint64(0x7265766f6c696166) // "failover" in little-endian memory
	pageVersion = 1
)

// writeHeader writes the header; the magic comes last, so that an unfinished
// page is not taken for one.
func writeHeader(mem []byte, bootID string) {
	copy(mem[16:16+bootIDLen], bootID)
	binary.NativeEndian.PutUint64(mem[8:], pageVersion)
	word(mem, 0).Store(pageMagic)
}

// readHeader returns the boot id of a page.
func readHeader(mem []byte) (bootID string, err error) {
	if got := word(mem, 0).Load(); got != pageMagic && got != 0 {
		return "", fmt.Errorf("begins with %#x, which is no page", got)
	} else if got == 0 {
		// Killed between making the file and finishing its header: nothing recorded.
		return "", nil
	}
	if v := binary.NativeEndian.Uint64(mem[8:]); v != pageVersion {
		return "", fmt.Errorf("version %d, this program knows %d", v, pageVersion)
	}
	return string(mem[16 : 16+bootIDLen]), nil
}

// nameSlot gives a free slot to a group; the length comes last, so that an
// unfinished name is not read.
func nameSlot(slot []byte, name string) {
	word(slot, 0).Store(0)
	clear(slot[slotName:])
	copy(slot[slotName:], name)
	word(slot, 8).Store(uint64(len(name)))
}

// clearSlot frees a slot.
func clearSlot(slot []byte) { word(slot, 8).Store(0) }

// readSlot returns what a slot holds; ok is false for a free one.
func readSlot(slot []byte) (name string, r vrrp.Record, ok bool) {
	n := word(slot, 8).Load()
	if n == 0 || n > MaxGroupName {
		return "", vrrp.Record{}, false
	}
	return string(slot[slotName : slotName+n]), unpack(recordWord(slot).Load()), true
}

// recordWord is the word of a slot that holds the record.
func recordWord(slot []byte) *atomic.Uint64 { return word(slot, 0) }

// word is the aligned word at an offset of mapped memory. Slots and header are
// multiples of 64 bytes from the start of a memory page, so it is aligned.
func word(mem []byte, at int) *atomic.Uint64 {
	return (*atomic.Uint64)(unsafe.Pointer(&mem[at]))
}

// maxInstant is the latest time a record can hold.
const maxInstant = vrrp.Instant(1<<62 - 1)

// pack turns a record into its word. A time out of range becomes the nearest
// that is in it.
func pack(r vrrp.Record) uint64 {
	w := uint64(min(max(r.LastAdvert, 0), maxInstant)) << 1
	if r.Master {
		w |= 1
	}
	return w
}

// unpack turns a word into its record.
func unpack(w uint64) vrrp.Record {
	return vrrp.Record{Master: w&1 == 1, LastAdvert: vrrp.Instant(w >> 1)}
}
