package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"failover/check"
)

// fileLimit is how much of a file is read: a number is at its beginning.
const fileLimit = 4 << 10

// file looks at a file: it passes while the file is there, can be read, and does
// not say 0. A file says a number when that is all there is on its first line;
// one at or below 0 fails, any other content, or none, passes.
type file struct{}

// Probe reads the beginning of the file.
func (file) Probe(ctx context.Context, s check.Spec) check.Result {
	if ctx.Err() != nil {
		return broken(ctx, s, ctx.Err(), "reading "+s.Object)
	}
	// Not blocking: opening a pipe would wait for somebody to write into it.
	f, err := os.OpenFile(s.Object, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return failed("%s: %v", s.Object, cause(err))
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return failed("%s: %v", s.Object, cause(err))
	}
	if !info.Mode().IsRegular() {
		return failed("%s is not a regular file", s.Object)
	}
	begin, err := io.ReadAll(io.LimitReader(f, fileLimit))
	if err != nil {
		return failed("%s: %v", s.Object, cause(err))
	}
	line, _, _ := strings.Cut(string(begin), "\n")
	n, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	switch {
	case err != nil && !errors.Is(err, strconv.ErrRange):
		return passed(s.Object + " is there")
	case n <= 0:
		return failed("%s says %d", s.Object, n)
	}
	return passed(fmt.Sprintf("%s says %d", s.Object, n))
}
