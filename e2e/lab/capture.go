package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// Capture is a recording of frames on one interface.
type Capture struct {
	// File is the recording, in pcap form, until the lab closes.
	File string

	node    *Node
	process *Process
	counts  string // as tcpdump last stated them
	same    int    // how often in a row
}

var captures atomic.Int64

// Capture records what a pcap filter matches on an interface of the node. It
// returns when the recording has begun.
func (n *Node) Capture(ctx context.Context, link, filter string) (*Capture, error) {
	name := fmt.Sprintf("capture%d", captures.Add(1))
	c := &Capture{File: filepath.Join(n.lab.Dir, n.Name+"-"+name+".pcap"), node: n}
	p, err := n.Start(name, "tcpdump", "-i", link, "-n", "-U", "--immediate-mode", "-Z", "root", "-w", c.File, filter)
	if err != nil {
		return nil, err
	}
	c.process = p
	err = Eventually(ctx, "tcpdump listens", func() (bool, error) {
		select {
		case <-p.Done():
			return false, errors.New(string(lastLines(p.Log, 5)))
		default:
		}
		said, err := os.ReadFile(p.Log)
		return bytes.Contains(said, []byte("listening on")), err
	})
	if err != nil {
		return nil, fmt.Errorf("lab: capture on %s %s: %w", n.Name, link, err)
	}
	return c, nil
}

// Stop ends the recording and returns it as tcpdump prints it, one line a
// packet, with times of day.
func (c *Capture) Stop(ctx context.Context) ([]string, error) {
	if err := Eventually(ctx, "tcpdump has written what it was given", c.drained); err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	if err := c.process.Signal(syscall.SIGINT); err != nil {
		return nil, err
	}
	select {
	case <-c.process.Done():
	case <-ctx.Done():
		return nil, fmt.Errorf("lab: end of capture: %w", ctx.Err())
	}
	out, err := c.node.Run(ctx, "tcpdump", "-n", "-e", "-v", "-tttt", "-r", c.File)
	if err != nil {
		return nil, err
	}
	// With -v the second part of a packet is on a line of its own, indented.
	return strings.Split(strings.TrimSpace(strings.ReplaceAll(out, "\n    ", " ")), "\n"), nil
}

// settledAnswers is how many equal answers mean that tcpdump's socket is empty;
// it reads between two of them.
const settledAnswers = 20

var statistics = regexp.MustCompile(`(\d+) packets? captured, (\d+) packets? received`)

// drained tells whether tcpdump has got all packets out of its socket; at the
// end of its life it would drop what is still in there. At SIGUSR1 it says how
// many it has. What came in before its filter was set counts as received and is
// never captured: counts that do not change any more will do as well.
func (c *Capture) drained() (bool, error) {
	before := len(statistics.FindAllString(c.said(), -1))
	if err := c.process.Signal(syscall.SIGUSR1); err != nil {
		return false, err
	}
	deadline := time.Now().Add(time.Second)
	for time.Now().Before(deadline) {
		all := statistics.FindAllStringSubmatch(c.said(), -1)
		if len(all) > before {
			last := all[len(all)-1]
			if last[0] != c.counts {
				c.counts, c.same = last[0], 0
			}
			c.same++
			return last[1] == last[2] || c.same > settledAnswers, nil
		}
		time.Sleep(time.Millisecond)
	}
	return false, errors.New("tcpdump does not answer: " + c.said())
}

func (c *Capture) said() string {
	text, _ := os.ReadFile(c.process.Log)
	return string(text)
}

// Eventually asks until the answer is yes, an error, or ctx is over: every few
// milliseconds at first, less often later, so that asking is no load of its own.
func Eventually(ctx context.Context, what string, ok func() (bool, error)) error {
	pause := 2 * time.Millisecond
	again := time.NewTimer(pause)
	defer again.Stop()
	for {
		yes, err := ok()
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if yes {
			return nil
		}
		pause = min(pause*5/4, 25*time.Millisecond)
		again.Reset(pause)
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: not yet: %w", what, ctx.Err())
		case <-again.C:
		}
	}
}
