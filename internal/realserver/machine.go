package realserver

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
)

// Machine lists the interfaces of this machine.
func Machine() ([]Interface, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	var list []Interface
	var errs []error
	for _, i := range all {
		have, err := i.Addrs()
		if err != nil {
			errs = append(errs, fmt.Errorf("addresses of %s: %w", i.Name, err))
			continue
		}
		one := Interface{Name: i.Name}
		for _, a := range have {
			if p, err := netip.ParsePrefix(a.String()); err == nil {
				one.Prefixes = append(one.Prefixes, p)
			}
		}
		list = append(list, one)
	}
	if len(list) == 0 {
		return nil, errors.Join(errs...)
	}
	return list, nil
}
