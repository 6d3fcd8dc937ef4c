package lvs

import "slices"

// Equal tells whether two tables ask for the same, sequence and all. There may be a
// hundred thousand servers, and mostly nothing differs.
func (t Table) Equal(o Table) bool {
	return t.Timeouts == o.Timeouts && slices.Equal(t.Sync, o.Sync) && slices.EqualFunc(t.Services, o.Services, Service.equal)
}

func (s Service) equal(o Service) bool {
	return s.Key == o.Key && s.Scheduler == o.Scheduler && s.Flags == o.Flags && s.Timeout == o.Timeout &&
		s.Mask == o.Mask && s.Engine == o.Engine && slices.Equal(s.Servers, o.Servers)
}
