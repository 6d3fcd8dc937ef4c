package lvs

import (
	"context"
	"time"
)

const (
	// mostTogether bounds what is done without a pause because it belongs together.
	mostTogether = 16
	// mostAtOnce bounds what is given to the kernel at once: it is the most that a pass
	// does before it looks whether something newer is wanted.
	mostAtOnce = 64
)

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

// along is how many operations are given to the kernel at once: the first n, which
// belong together, and what comes behind them as long as it only gives: none of it
// waits for what comes of another. Kernels that do one at a time get what belongs
// together, no more.
func (p *pass) along(ops []Op, n int) int {
	if _, ok := p.r.cfg.Kernel.(Batcher); !ok || !gives(ops[:n]) {
		return n
	}
	for n < len(ops) {
		more := together(ops[n:])
		next := ops[n : n+more]
		if n+more > mostAtOnce || !gives(next) || p.failed[next[0].Service.Key] || !p.again && len(p.r.refused) > 0 {
			break
		}
		n += more
	}
	return n
}

// gives tells whether operations take nothing away from anybody.
func gives(ops []Op) bool {
	for _, op := range ops {
		switch op.Kind {
		case AddService:
		case AddServer, SetServer:
			if op.Server.Weight == 0 {
				return false
			}
		default:
			return false
		}
	}
	return true
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
	limit := p.r.cfg.OpTimeout * time.Duration(1+(len(ops)-1)/mostTogether)
	ctx, cancel := context.WithTimeout(ctx, limit)
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
