package probe

import (
	"context"
	"net"

	"failover/check"
)

// tcp connects; a server that completes the handshake is up, whatever it says
// afterwards. (One that resets at once may be quicker than the look at the
// finished handshake, and is then found broken.)
type tcp struct{}

// Probe connects to the target.
func (tcp) Probe(ctx context.Context, s check.Spec) check.Result {
	conn, err := dial(ctx, s)
	if err != nil {
		return broken(ctx, s, err, "connecting")
	}
	conn.Close()
	return passed("connected")
}

// dial connects to the target of a check. Closing the connection resets it.
func dial(ctx context.Context, s check.Spec) (net.Conn, error) {
	// No keep-alive probes: the connection ends before the first one.
	dialer := net.Dialer{KeepAlive: -1}
	conn, err := dialer.DialContext(ctx, "tcp", s.Target.String())
	if err != nil {
		return nil, err
	}
	if t, ok := conn.(*net.TCPConn); ok {
		// Without it the side that closes first, most often this one, would keep every
		// connection in TIME_WAIT for a minute.
		if err := t.SetLinger(0); err != nil {
			conn.Close()
			return nil, err
		}
	}
	return conn, nil
}
