// Package vagrant is the lab on machines of their own: those of e2e/Vagrantfile, which
// scripts/vagrant brings up. Each has a kernel, an init and a power switch; what
// happens to them is done by libvirt, what is done on them by ssh over a connection
// that stays open, and what clients see is measured by one program on one of them, by
// its clock.
//
// It needs libvirt beneath Vagrant: nobody else pulls single cables.
package vagrant

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Lab is the machines of one checkout.
type Lab struct {
	LB1, LB2, Web1, Web2, Client *Machine

	root string // of the checkout
	dir  string // control sockets of ssh

	mu    sync.Mutex
	cards map[string]string // the hardware addresses of network cards, by machine and network
}

// Open finds the machines of a checkout, which are up. The caller closes it.
func Open(root string) (*Lab, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("vagrant: %w", err)
	}
	l := &Lab{root: root, cards: map[string]string{}}
	if _, err := os.Stat(l.config()); errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("vagrant: no machines are up; scripts/vagrant up makes them")
	} else if err != nil {
		return nil, fmt.Errorf("vagrant: %w", err)
	}
	if l.dir, err = os.MkdirTemp("", "vagrant-"); err != nil {
		return nil, fmt.Errorf("vagrant: %w", err)
	}
	for name, to := range map[string]**Machine{
		"lb1": &l.LB1, "lb2": &l.LB2, "web1": &l.Web1, "web2": &l.Web2, "client": &l.Client,
	} {
		*to = &Machine{Name: name, lab: l}
	}
	return l, nil
}

// Machines are all of them.
func (l *Lab) Machines() []*Machine { return []*Machine{l.LB1, l.LB2, l.Web1, l.Web2, l.Client} }

// Directors are the load balancers.
func (l *Lab) Directors() []*Machine { return []*Machine{l.LB1, l.LB2} }

// Close ends the connections. The machines stay up.
func (l *Lab) Close() error {
	for _, m := range l.Machines() {
		m.hangUp()
	}
	return os.RemoveAll(l.dir)
}

// config is what scripts/vagrant up leaves for ssh.
func (l *Lab) config() string { return filepath.Join(l.root, ".cache", "vagrant", "ssh-config") }

// script is a call of scripts/vagrant, which knows where the machines can be reached.
func (l *Lab) script(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(l.root, "scripts", "vagrant"), args...)
	// Who holds on to its output when it has been ended is not waited for.
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// virsh runs a command of libvirt and returns what it prints.
func (l *Lab) virsh(ctx context.Context, args ...string) (string, error) {
	cmd := l.script(ctx, append([]string{"virsh"}, args...)...)
	out, err := output(cmd)
	if err != nil {
		return "", fmt.Errorf("vagrant: virsh %s: %w", strings.Join(args, " "), err)
	}
	return out, nil
}

// output runs a program and returns what it prints; the error has what it complained
// of.
func output(cmd *exec.Cmd) (string, error) {
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%w: %s", err, bytes.TrimSpace(complaint.Bytes()))
	}
	return out.String(), nil
}

// pause between two looks at a machine: each costs an emulated one some tenths of a
// second.
const pause = 500 * time.Millisecond

// Eventually waits until ok says yes, or fails. A machine that cannot be asked may be
// one that boots, so that counts as no.
func Eventually(ctx context.Context, what string, ok func() (bool, error)) error {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		yes, err := ok()
		if yes {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: not yet: %w", what, errors.Join(ctx.Err(), err))
		case <-tick.C:
		}
	}
}
