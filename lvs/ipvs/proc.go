//go:build linux

package ipvs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash"
	"hash/fnv"
	"io"
	"os"
)

// procPath is the table as text. /proc/net would be the namespace of the
// process's first thread, which need not be that of the calling one. A file once
// open stays with its namespace, whichever thread reads it.
const procPath = "/proc/thread-self/net/ip_vs"

// Changed implements [lvs.Kernel].
func (k *Kernel) Changed(ctx context.Context) (uint64, error) {
	rest, err := call(ctx, k, func(h *handle) (string, error) { return h.beside() })
	if err != nil {
		return 0, readError(err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	h := fnv.New64a()
	h.Write([]byte(rest))
	err = hashProc(h, k.proc)
	if errors.Is(err, os.ErrClosed) {
		return 0, errClosed
	}
	if err != nil {
		return 0, fmt.Errorf("ipvs: %w", err)
	}
	return h.Sum64(), nil
}

// beside describes what belongs to a table and is not in /proc/net/ip_vs: the
// timeouts, the sync daemons and the devices they have or want. So a daemon that
// could not be started is tried again when its device comes.
func (h *handle) beside() (string, error) {
	timeouts, err := h.timeouts()
	if err != nil {
		return "", err
	}
	running, err := h.daemons()
	if err != nil {
		return "", err
	}
	text := fmt.Sprint(timeouts, running)
	for _, s := range h.devices.wanted() {
		d, err := h.device(s)
		if err != nil {
			return "", err
		}
		text += fmt.Sprint(s.Interface, d)
	}
	return text, nil
}

// hashProc hashes the table without its connection counts.
func hashProc(h hash.Hash64, f io.ReadSeeker) error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	text, err := io.ReadAll(f)
	if err != nil {
		return err
	}
	for line := range bytes.Lines(text) {
		h.Write(withoutCounts(line))
		h.Write([]byte{'\n'})
	}
	return nil
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
