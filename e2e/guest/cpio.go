package main

import (
	"bytes"
	"fmt"
)

// archive is a cpio archive in the "newc" form, the one the kernel unpacks as
// its first root (Documentation/driver-api/early-userspace/buffer-format.rst).
type archive struct {
	buf bytes.Buffer
	ino int
}

const (
	modeDir  = 0o040755
	modeFile = 0o100755
	modeChar = 0o020600
)

func (a *archive) dir(name string)               { a.entry(name, modeDir, nil, 0, 0) }
func (a *archive) file(name string, data []byte) { a.entry(name, modeFile, data, 0, 0) }

// char adds a character device.
func (a *archive) char(name string, major, minor int) { a.entry(name, modeChar, nil, major, minor) }

// bytes ends the archive and returns it.
func (a *archive) bytes() []byte {
	a.entry("TRAILER!!!", 0, nil, 0, 0)
	return a.buf.Bytes()
}

// entry writes one member: header, name and content, each padded to four bytes.
func (a *archive) entry(name string, mode int, data []byte, major, minor int) {
	a.ino++
	fmt.Fprintf(&a.buf, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X",
		a.ino, mode, 0, 0, 1, 0, len(data), 0, 0, major, minor, len(name)+1, 0)
	a.buf.WriteString(name)
	a.buf.WriteByte(0)
	a.pad()
	a.buf.Write(data)
	a.pad()
}

func (a *archive) pad() {
	for a.buf.Len()%4 != 0 {
		a.buf.WriteByte(0)
	}
}
