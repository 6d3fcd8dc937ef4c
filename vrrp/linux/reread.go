package linux

import "errors"

// Reread takes the owned sets from their files once more: another process has
// changed them since. Of files that cannot be used it is an error, and the sets stay
// as they were.
func (h *Host) Reread() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	owned := ownedSet{store: h.owned.store, log: h.log}
	ways := waySet{store: h.ways.store, log: h.log}
	devices := deviceSet{store: h.devices.store, log: h.log}
	if err := errors.Join(owned.load(), ways.load(), devices.load()); err != nil {
		return err
	}
	h.owned, h.ways, h.devices = owned, ways, devices
	h.wayView = wayView{}
	return nil
}
