package program

import (
	"fmt"
	"os"
	"strings"
	"sync"
)

// keep is how much of the end of the output is kept, in bytes.
const keep = 1 << 10

// tail keeps the end of what is written to it. It is used by one goroutine, and
// read when that one has ended.
type tail struct {
	mu    sync.Mutex
	end   []byte
	seen  int
	limit int
}

// Write keeps the last bytes of p; past the limit it fails, which closes the pipe.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.seen += len(p); t.seen > t.limit {
		return 0, os.ErrInvalid
	}
	t.end = append(t.end, p[max(0, len(p)-keep):]...)
	t.end = t.end[max(0, len(t.end)-keep):]
	return len(p), nil
}

// last is the last line that is not empty.
func (t *tail) last() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.seen > t.limit {
		return fmt.Sprintf("printed more than %d KiB", t.limit>>10)
	}
	text := strings.TrimSpace(string(t.end))
	return text[strings.LastIndexByte(text, '\n')+1:]
}
