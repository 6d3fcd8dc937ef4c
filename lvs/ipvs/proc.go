//go:build linux

package ipvs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
)

// procPath is the table as text. /proc/net would be the namespace of the
// process's first thread, which need not be that of the calling one. A file once
// open stays with its namespace, whichever thread reads it.
const procPath = "/proc/thread-self/net/ip_vs"

// Changed implements [lvs.Kernel]. It does not go through the writer: reading
// takes no part in changing.
func (k *Kernel) Changed(ctx context.Context) (uint64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	h, err := hashProc(k.proc)
	if errors.Is(err, os.ErrClosed) {
		return 0, errClosed
	}
	if err != nil {
		return 0, fmt.Errorf("ipvs: %w", err)
	}
	return h, nil
}

// hashProc hashes the table without its connection counts.
func hashProc(f io.ReadSeeker) (uint64, error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	text, err := io.ReadAll(f)
	if err != nil {
		return 0, err
	}
	h := fnv.New64a()
	for line := range bytes.Lines(text) {
		h.Write(withoutCounts(line))
		h.Write([]byte{'\n'})
	}
	return h.Sum64(), nil
}

// withoutCounts cuts the columns ActiveConn and InActConn off the line of a
// server: "  -> C0A8215C:0050      Masq    1      0          0".
func withoutCounts(line []byte) []byte {
	line = bytes.TrimRight(line, " \n")
	if !bytes.HasPrefix(line, []byte("  ->")) {
		return line
	}
	for range 2 {
		line = bytes.TrimRight(line[:bytes.LastIndexByte(line, ' ')+1], " ")
	}
	return line
}
