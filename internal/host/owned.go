package host

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"

	"failover/internal/state"
)

// Owned is what we have added to the machine since it was booted, beside sysctls
// and the nftables table. Only what is both in here and carries our mark is ever
// removed.
type Owned struct {
	Local    []netip.Addr   `json:"local,omitempty"`
	Tunnels  []Tunnel       `json:"tunnels,omitempty"`
	Gateways []OwnedGateway `json:"gateways,omitempty"`
}

// OwnedStore keeps [Owned] from one process to the next.
type OwnedStore interface {
	// Load returns what was saved since the machine was booted; nothing is no error.
	Load() (Owned, error)
	Save(Owned) error
}

// OwnedFile keeps Owned in a file of the state directory.
type OwnedFile struct {
	file state.Store[Owned]
}

// NewOwnedFile is the store at path. Nothing in it outlives a reboot.
func NewOwnedFile(path, bootID string) *OwnedFile {
	return &OwnedFile{file: state.Store[Owned]{Path: path, BootID: bootID, Volatile: true}}
}

// Load reads the file. A damaged one is set aside, and counts as none.
func (s *OwnedFile) Load() (Owned, error) {
	o, origin, err := s.file.Load()
	if errors.Is(err, state.ErrCorrupt) {
		return Owned{}, nil
	}
	if err != nil || origin != state.ThisBoot {
		return Owned{}, err
	}
	return o, nil
}

// Save replaces the file.
func (s *OwnedFile) Save(o Owned) error { return s.file.Save(o) }

// owned reads the record; where there is no store there is none.
func (r *Reconciler) owned() (Owned, error) {
	if r.config.Owned == nil {
		return Owned{}, nil
	}
	o, err := r.config.Owned.Load()
	if err != nil {
		return Owned{}, fmt.Errorf("host: what is ours: %w", err)
	}
	return o, nil
}

// amend changes the record on disk.
func (r *Reconciler) amend(change func(*Owned)) error {
	before, err := r.owned()
	if err != nil {
		return err
	}
	after := Owned{slices.Clone(before.Local), slices.Clone(before.Tunnels), slices.Clone(before.Gateways)}
	change(&after)
	if reflect.DeepEqual(before, after) {
		return nil
	}
	if r.config.Owned == nil {
		return errors.New("host: what is ours: nowhere to record it")
	}
	if err := r.config.Owned.Save(after); err != nil {
		return fmt.Errorf("host: what is ours: %w", err)
	}
	return nil
}

// keepTunnels brings the tunnels about. Like all that follows it is on record
// before it is made, so that no crash leaves what nobody removes.
func (r *Reconciler) keepTunnels(want []Tunnel, report *Report) error {
	o, err := r.owned()
	if err != nil {
		return err
	}
	var missing []Tunnel
	for _, t := range want {
		if is, _ := t.is(); !is && !containsTunnel(o.Tunnels, t) { // the error comes again
			missing = append(missing, t)
		}
	}
	if err := r.amend(func(o *Owned) { o.Tunnels = append(o.Tunnels, missing...) }); err != nil {
		return err
	}
	added, removed, err := setTunnels(want, o.Tunnels)
	for _, t := range added {
		report.did("tunnel " + t.String() + " added")
	}
	for _, t := range removed {
		report.did("tunnel " + t.String() + " removed")
	}
	return errors.Join(err, r.amend(func(o *Owned) {
		o.Tunnels = slices.DeleteFunc(o.Tunnels, func(t Tunnel) bool { return containsTunnel(removed, t) })
	}))
}

// dropLocal takes off the addresses of the loopback interface that nobody wants.
func (r *Reconciler) dropLocal(want []netip.Addr, report *Report) error {
	o, err := r.owned()
	if err != nil || len(o.Local) == 0 {
		return err
	}
	removed, err := removeLocal(o.Local, want)
	for _, a := range removed {
		report.did("address " + a.String() + " removed from lo")
	}
	return errors.Join(err, r.amend(func(o *Owned) {
		o.Local = slices.DeleteFunc(o.Local, func(a netip.Addr) bool { return slices.Contains(removed, a) })
	}))
}

// addLocal puts the addresses on the loopback interface that are wanted. One that
// is there already stays its owner's.
func (r *Reconciler) addLocal(want []netip.Addr, report *Report) error {
	if len(want) == 0 {
		return nil
	}
	lo, have, err := localAddresses()
	if err != nil {
		return err
	}
	var errs []error
	for _, a := range want {
		i := slices.IndexFunc(have, func(l localAddress) bool { return l.address == a })
		if i >= 0 && !have[i].marked {
			continue
		}
		// One that carries our mark is ours, also where the record was lost.
		err := r.amend(func(o *Owned) {
			if !slices.Contains(o.Local, a) {
				o.Local = append(o.Local, a)
			}
		})
		if err == nil && i < 0 {
			if err = putLocal(lo, a); err == nil {
				report.did("address " + a.String() + " added to lo")
			}
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// keepGateways brings the default routes about.
func (r *Reconciler) keepGateways(want []netip.Addr, report *Report) error {
	o, err := r.owned()
	if err != nil {
		return err
	}
	var errs []error
	for _, g := range o.Gateways {
		if slices.Contains(want, g.Gateway) {
			continue
		}
		if err := removeGateway(g); err != nil {
			errs = append(errs, err)
			continue
		}
		report.did("default route via " + g.Gateway.String() + " removed")
		errs = append(errs, r.amend(func(o *Owned) {
			o.Gateways = slices.DeleteFunc(o.Gateways, func(x OwnedGateway) bool { return x.Gateway == g.Gateway })
		}))
	}
	for _, g := range want {
		if err := r.keepGateway(g, report); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (r *Reconciler) keepGateway(g netip.Addr, report *Report) error {
	if is, err := inPlace(g); is || err != nil {
		return err
	}
	before, err := replaced(g)
	if err != nil {
		return err
	}
	err = r.amend(func(o *Owned) {
		i := slices.IndexFunc(o.Gateways, func(x OwnedGateway) bool { return x.Gateway == g })
		if i < 0 {
			i = len(o.Gateways)
			o.Gateways = append(o.Gateways, OwnedGateway{Gateway: g})
		}
		if before != nil {
			o.Gateways[i].Before = before
		}
	})
	if err == nil {
		err = addGateway(g)
	}
	if err == nil {
		report.did("default route via " + g.String() + " added")
	}
	return err
}
