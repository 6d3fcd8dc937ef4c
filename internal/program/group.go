package program

import (
	"sync"

	"golang.org/x/sys/unix"
)

// group is the process group of a running program.
type group struct {
	mu    sync.Mutex
	pid   int
	ended bool
}

// kill ends every process of the group. While the leader has not been reaped its
// number belongs to nobody else.
func (g *group) kill() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.ended {
		_ = unix.Kill(-g.pid, unix.SIGKILL) // that all have gone already is no error
	}
}

// await returns when the leader has ended, without reaping it, and kills what it
// left behind.
func (g *group) await() {
	for {
		err := unix.Waitid(unix.P_PID, g.pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			break
		}
	}
	g.kill()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ended = true
}
