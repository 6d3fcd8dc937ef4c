package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Process is a program running on a node, with whatever it starts.
type Process struct {
	// Log is the file its output goes to.
	Log string

	cmd  *exec.Cmd
	tree *tree
	done chan struct{}
	err  error // of Wait, once done is closed
}

// Start runs a program on the node until it ends, is killed, or the lab closes.
// name is unique in the lab and names its log.
func (n *Node) Start(name string, argv ...string) (*Process, error) {
	tree, err := n.lab.newTree(n.Name + "-" + name)
	if err != nil {
		return nil, err
	}
	n.lab.onClose(tree.close)
	return n.start(name, tree, argv, nil)
}

func (n *Node) start(name string, tree *tree, argv, env []string) (*Process, error) {
	p := &Process{
		Log:  filepath.Join(n.lab.Dir, n.Name+"-"+name+".log"),
		tree: tree,
		done: make(chan struct{}),
	}
	log, err := os.OpenFile(p.Log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	defer log.Close()
	p.cmd = exec.Command(argv[0], argv[1:]...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.Env = append(os.Environ(), tree.mark)
	p.cmd.Env = append(p.cmd.Env, env...)
	p.cmd.Dir = "/"
	// The node's thread lives as long as the lab: with it go its children.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setsid: true}
	tree.attr(p.cmd.SysProcAttr)
	if err := n.Do(p.cmd.Start); err != nil {
		return nil, fmt.Errorf("lab: %s: start %s: %w", n.Name, argv[0], err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// Pid is the id of the program itself.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Done is closed when the program has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err is how the program ended, nil for success; only after Done.
func (p *Process) Err() error { return p.err }

// Signal sends a signal to the program itself.
func (p *Process) Signal(sig syscall.Signal) error {
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("lab: signal %v: %w", sig, err)
	}
	return nil
}

// Kill ends the program and all it has started with SIGKILL and waits for that.
func (p *Process) Kill() error {
	err := p.tree.kill()
	<-p.done
	return err
}

// Run runs a program on the node and returns its standard output. The error of
// one that fails has what it said. It ends after a minute at most.
func (n *Node) Run(ctx context.Context, argv ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.WaitDelay = time.Second
	if err := n.Do(cmd.Start); err != nil {
		return "", fmt.Errorf("lab: %s: %s: %w", n.Name, argv[0], err)
	}
	if err := cmd.Wait(); err != nil {
		said := strings.TrimSpace(errs.String() + "\n" + out.String())
		return out.String(), fmt.Errorf("lab: %s: %s: %w: %s", n.Name, strings.Join(argv, " "), err, said)
	}
	return out.String(), nil
}

// lastLines returns the end of a file.
func lastLines(path string, n int) []byte {
	text, _ := os.ReadFile(path)
	lines := bytes.Split(bytes.TrimRight(text, "\n"), []byte("\n"))
	return bytes.Join(lines[max(0, len(lines)-n):], []byte("\n"))
}
