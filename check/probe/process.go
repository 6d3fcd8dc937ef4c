package probe

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"failover/check"
)

// commLength is how much of a process's name the kernel keeps (TASK_COMM_LEN less
// the zero).
const commLength = 15

// process looks for a process. The object is a name as `ps -o comm` shows it, of
// which the first 15 bytes count, or the absolute path of a program. One process
// is enough; a zombie and one that is stopped (SIGSTOP) are none.
type process struct{}

// Probe goes through /proc until it has found one.
func (process) Probe(ctx context.Context, s check.Spec) check.Result {
	proc, err := os.Open("/proc")
	if err != nil {
		return failed("look for %s: %v", s.Object, cause(err))
	}
	defer proc.Close()
	stopped := 0
	for {
		if ctx.Err() != nil {
			return broken(ctx, s, ctx.Err(), "looking for "+s.Object)
		}
		names, err := proc.Readdirnames(256)
		for _, name := range names {
			pid, err := strconv.Atoi(name)
			if err != nil {
				continue
			}
			switch standingOf(pid, s.Object) {
			case running:
				return passed(fmt.Sprintf("%s runs, pid %d", s.Object, pid))
			case halted:
				stopped = pid
			case absent:
			}
		}
		switch {
		case err == nil:
		case err != io.EOF:
			return failed("look for %s: %v", s.Object, cause(err))
		case stopped != 0:
			return failed("%s is stopped, pid %d", s.Object, stopped)
		default:
			return failed("no process %s", s.Object)
		}
	}
}

// standing is what one process says of the object.
type standing int

const (
	absent standing = iota // another one, or about to go
	halted                 // the one, stopped
	running
)

// standingOf tells whether a process is the one that is looked for. What has gone while
// we looked is not it.
func standingOf(pid int, object string) standing {
	if strings.HasPrefix(object, "/") {
		program, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
		// The kernel marks a program whose file was replaced, as an upgrade does.
		if err != nil || strings.TrimSuffix(program, " (deleted)") != object {
			return absent
		}
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return absent
	}
	comm, state := parseStat(stat)
	if !strings.HasPrefix(object, "/") && comm != object[:min(len(object), commLength)] {
		return absent
	}
	switch state {
	case 'Z', 'X', 'x', 0:
		return absent
	case 'T':
		return halted
	}
	return running
}

// parseStat reads name and state of "123 (name) S …" (proc(5)). The name may
// contain anything, brackets and blanks too.
func parseStat(stat []byte) (comm string, state byte) {
	from, to := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if from < 0 || to < from || to+2 >= len(stat) {
		return "", 0
	}
	return string(stat[from+1 : to]), stat[to+2]
}
