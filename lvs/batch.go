package lvs

import "context"

// mostTogether bounds what is done without a pause.
const mostTogether = 16

// together is how many of the first operations belong together, because what lies
// between them should not last: a service and its servers up to the first that
// takes connections (until it is there the kernel refuses them, ICMP port
// unreachable), and whatever is done to one server.
func together(ops []Op) int {
	n := 1
	if ops[0].Kind == AddService {
		n = untilServed(ops)
	}
	for n < len(ops) && sameServerOp(ops[n-1], ops[n]) {
		n++
	}
	return n
}

// untilServed is how many operations bring a service with its first server.
func untilServed(ops []Op) int {
	for i, op := range ops[1:min(len(ops), mostTogether)] {
		if !op.ofServer() || op.Service.Key != ops[0].Service.Key {
			return i + 1
		}
		if op.Server.Weight > 0 {
			return i + 2
		}
	}
	return min(len(ops), mostTogether)
}

func sameServerOp(a, b Op) bool {
	return a.ofServer() && b.ofServer() && a.Service.Key == b.Service.Key && a.Server.Address == b.Server.Address
}

// ofServer tells whether the operation is one on a real server.
func (o Op) ofServer() bool { return o.Kind == AddServer || o.Kind == SetServer || o.Kind == DelServer }

// ofService tells whether the operation is one on a service or a real server.
func (o Op) ofService() bool {
	return o.ofServer() || o.Kind == AddService || o.Kind == SetService || o.Kind == DelService
}

// some carries out operations that belong together, at once where the kernel can.
func (p *pass) some(ctx context.Context, ops []Op) []error {
	ctx, cancel := context.WithTimeout(ctx, p.r.cfg.OpTimeout)
	defer cancel()
	if kernel, ok := p.r.cfg.Kernel.(Batcher); ok && len(ops) > 1 {
		return kernel.DoAll(ctx, ops)
	}
	errs := make([]error, len(ops))
	for i, op := range ops {
		errs[i] = p.r.cfg.Kernel.Do(ctx, op)
	}
	return errs
}
