package vagrant

import (
	"context"
	"fmt"
	"strings"
)

// domain is the machine's name in libvirt: that of the Vagrantfile's folder comes
// first.
func (m *Machine) domain() string { return "e2e_" + m.Name }

// PowerOff takes the machine's power away.
func (m *Machine) PowerOff(ctx context.Context) error {
	_, err := m.lab.virsh(ctx, "destroy", m.domain())
	m.hangUp()
	return err
}

// PowerOn gives it back, and waits until the machine can be reached.
func (m *Machine) PowerOn(ctx context.Context) error {
	if _, err := m.lab.virsh(ctx, "start", m.domain()); err != nil {
		return err
	}
	return m.WaitUp(ctx)
}

// WaitUp waits until the machine can be reached.
func (m *Machine) WaitUp(ctx context.Context) error {
	return Eventually(ctx, m.Name+" can be reached", func() (bool, error) {
		_, err := m.Run(ctx, "true")
		return err == nil, err
	})
}

// Suspend stops the machine's processors; its clocks stop, too.
func (m *Machine) Suspend(ctx context.Context) error {
	_, err := m.lab.virsh(ctx, "suspend", m.domain())
	m.hangUp()
	return err
}

// Resume lets them go on.
func (m *Machine) Resume(ctx context.Context) error {
	_, err := m.lab.virsh(ctx, "resume", m.domain())
	return err
}

// Restore undoes what may have been done to the machine: its power is on, it is not
// suspended, its cables are in.
func (m *Machine) Restore(ctx context.Context) error {
	state, err := m.lab.virsh(ctx, "domstate", m.domain())
	if err != nil {
		return err
	}
	switch strings.TrimSpace(state) {
	case "paused":
		err = m.Resume(ctx)
	case "shut off":
		err = m.PowerOn(ctx)
	}
	if err != nil {
		return err
	}
	if err := m.Insert(ctx, "inside", "outside"); err != nil {
		return err
	}
	return m.WaitUp(ctx)
}

// Pull pulls the machine's cables to these networks, inside and outside.
func (m *Machine) Pull(ctx context.Context, networks ...string) error {
	return m.cables(ctx, "down", networks)
}

// Insert puts them back.
func (m *Machine) Insert(ctx context.Context, networks ...string) error {
	return m.cables(ctx, "up", networks)
}

func (m *Machine) cables(ctx context.Context, state string, networks []string) error {
	for _, network := range networks {
		card, err := m.card(ctx, network)
		if err != nil {
			return err
		}
		if _, err := m.lab.virsh(ctx, "domif-setlink", m.domain(), card, state); err != nil {
			return err
		}
	}
	return nil
}

// card is the hardware address of the machine's card in a network.
func (m *Machine) card(ctx context.Context, network string) (string, error) {
	m.lab.mu.Lock()
	known := m.lab.cards[m.Name+"/"+network]
	m.lab.mu.Unlock()
	if known != "" {
		return known, nil
	}
	list, err := m.lab.virsh(ctx, "domiflist", m.domain())
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(list) {
		// Interface Type Source Model MAC
		if f := strings.Fields(line); len(f) == 5 && f[2] == "failover-"+network {
			m.lab.mu.Lock()
			defer m.lab.mu.Unlock()
			m.lab.cards[m.Name+"/"+network] = f[4]
			return f[4], nil
		}
	}
	return "", fmt.Errorf("vagrant: %s has no card in the network %s", m.Name, network)
}

// Join gives the machine a card in a network where it has none, which goes with its
// power, and returns the interface's name on it. The machine may have no card that is
// still being found.
func (m *Machine) Join(ctx context.Context, network string) (link string, err error) {
	if _, err := m.card(ctx, network); err != nil {
		if _, err := m.lab.virsh(ctx, "attach-interface", m.domain(), "network", "failover-"+network,
			"--model", "virtio", "--live"); err != nil {
			return "", err
		}
	}
	card, err := m.card(ctx, network)
	if err != nil {
		return "", err
	}
	err = Eventually(ctx, m.Name+" finds its card in "+network, func() (bool, error) {
		out, err := m.Run(ctx, "grep -l "+card+" /sys/class/net/*/address || true")
		if f := strings.Split(strings.TrimSpace(out), "/"); len(f) == 6 {
			link = f[4]
		}
		return link != "", err
	})
	return link, err
}
