package vagrant

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// Machine is one of the machines.
type Machine struct {
	Name string

	lab *Lab

	mu     sync.Mutex
	master *exec.Cmd     // the connection that stays open; nil: there is none
	ended  chan struct{} // closed when it has ended
}

// socket is where the connection is shared.
func (m *Machine) socket() string { return filepath.Join(m.lab.dir, m.Name) }

// ssh is a call of ssh. What it does not say, the connection has been made with.
func (m *Machine) ssh(ctx context.Context, args ...string) *exec.Cmd {
	return m.lab.script(ctx, append([]string{"ssh", "-S", m.socket(), "-o", "ConnectTimeout=5", "-o", "LogLevel=ERROR",
		"-o", "ServerAliveInterval=2", "-o", "ServerAliveCountMax=4"}, args...)...)
}

// connect sees that there is a connection.
func (m *Machine) connect(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.master != nil {
		select {
		case <-m.ended:
		default:
			return nil
		}
	}
	log, err := os.OpenFile(m.socket()+".log", os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("vagrant: %w", err)
	}
	defer log.Close()
	// It outlives the call, so not with its context; hangUp ends it.
	cmd := m.ssh(context.Background(), "-M", "-N", m.Name)
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("vagrant: %s: ssh: %w", m.Name, err)
	}
	m.master, m.ended = cmd, make(chan struct{})
	go func(ended chan struct{}) {
		defer close(ended)
		_ = cmd.Wait() // how it ended shows in the next command
	}(m.ended)
	err = Eventually(ctx, m.Name+" lets us in", func() (bool, error) {
		select {
		case <-m.ended:
			return true, nil
		default:
			_, err := output(m.ssh(ctx, "-O", "check", m.Name))
			return err == nil, err
		}
	})
	select {
	case <-m.ended:
		text, _ := os.ReadFile(log.Name())
		err = fmt.Errorf("ssh has ended: %s", strings.TrimSpace(string(text)))
	default:
	}
	if err != nil {
		m.drop()
		return fmt.Errorf("vagrant: %s: %w", m.Name, err)
	}
	return nil
}

// hangUp ends the connection; the next command makes a new one.
func (m *Machine) hangUp() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.drop()
}

func (m *Machine) drop() {
	if m.master == nil {
		return
	}
	_ = m.master.Process.Kill() // it may have ended by itself
	<-m.ended
	m.master = nil
	_ = os.Remove(m.socket())
}

// Run runs a shell script as root on the machine and returns what it prints. A
// command of it that fails ends it, with an error.
func (m *Machine) Run(ctx context.Context, script string) (string, error) {
	return m.feed(ctx, strings.NewReader(script), "sudo sh -eu")
}

// Copy copies a file to the machine.
func (m *Machine) Copy(ctx context.Context, from, to string, mode os.FileMode) error {
	f, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("vagrant: %w", err)
	}
	defer f.Close()
	return m.copyFrom(ctx, f, to, mode)
}

// Write writes a file on the machine.
func (m *Machine) Write(ctx context.Context, text, to string, mode os.FileMode) error {
	return m.copyFrom(ctx, strings.NewReader(text), to, mode)
}

func (m *Machine) copyFrom(ctx context.Context, in io.Reader, to string, mode os.FileMode) error {
	_, err := m.feed(ctx, in, fmt.Sprintf("sudo sh -euc 'cat >%[1]s.new; chmod %[2]o %[1]s.new; mv %[1]s.new %[1]s'", to, mode))
	return err
}

func (m *Machine) feed(ctx context.Context, in io.Reader, command string) (string, error) {
	if err := m.connect(ctx); err != nil {
		return "", err
	}
	cmd := m.ssh(ctx, m.Name, command)
	cmd.Stdin = in
	out, err := output(cmd)
	if err != nil {
		return out, fmt.Errorf("vagrant: %s: %w", m.Name, err)
	}
	return out, nil
}

// bootID tells one boot from another.
func (m *Machine) bootID(ctx context.Context) (string, error) {
	return m.Run(ctx, "cat /proc/sys/kernel/random/boot_id")
}

// Reboot reboots the machine, as its administrator would, and tells how to wait for
// its next boot.
func (m *Machine) Reboot(ctx context.Context) (wait func(context.Context) error, err error) {
	before, err := m.bootID(ctx)
	if err != nil {
		return nil, err
	}
	// The connection may end before the answer is here.
	_, err = m.Run(ctx, "systemctl reboot")
	m.hangUp()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return nil, err
	}
	return func(ctx context.Context) error {
		return Eventually(ctx, m.Name+" has booted", func() (bool, error) {
			now, err := m.bootID(ctx)
			return err == nil && now != before, err
		})
	}, nil
}
