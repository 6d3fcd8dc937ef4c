package director

import (
	"context"
	"io"
	"slices"
	"time"

	"failover/internal/pause"
	"failover/lvs"
)

// Connections are the kernel's table of connections.
type Connections interface {
	// Each gives every connection to f, as long as the context lasts.
	Each(ctx context.Context, f func(lvs.Conn)) error
	// Copy writes them all as the kernel does.
	Copy(w io.Writer) error
	// Tell gives messages to the backup daemon of this machine.
	Tell(lvs.Sync, [][]byte) error
	// TellOthers gives messages to those of the other machines.
	TellOthers(lvs.Sync, [][]byte) error
}

const (
	// tellMost is how many messages a backup daemon is given at a time: its socket has
	// room for some hundred, and what finds none is lost.
	tellMost = 64
	// tellPause lets it read them.
	tellPause = 5 * time.Millisecond
)

// tell tells backup daemons of connections, by Tell or TellOthers of [Connections], as
// fast as they read.
func tell(ctx context.Context, by func(lvs.Sync, [][]byte) error, s lvs.Sync, moves []lvs.Move) error {
	for part := range slices.Chunk(lvs.SyncMessages(s.ID, moves), tellMost) {
		if err := by(s, part); err != nil {
			return err
		}
		if len(part) < tellMost {
			return nil
		}
		if err := pause.For(ctx, tellPause); err != nil {
			return err
		}
	}
	return nil
}
