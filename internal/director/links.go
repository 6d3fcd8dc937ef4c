package director

import (
	"context"
	"fmt"
	"time"

	"failover/internal/pause"
	"github.com/vishvananda/netlink"
)

// linkPause is how long further events are gathered after one that was passed
// on: a storm costs fifty looks a second, a lone event is seen at once.
const linkPause = 20 * time.Millisecond

// linkEvents calls changed when something has happened to an interface of this
// machine, until ctx ends. An event that is lost costs one interval of the track.
func linkEvents(ctx context.Context, changed func()) error {
	for first := true; ctx.Err() == nil; first = false {
		events := make(chan netlink.LinkUpdate, 64)
		err := netlink.LinkSubscribeWithOptions(events, ctx.Done(), netlink.LinkSubscribeOptions{
			ErrorCallback: func(error) {}, // an overrun: the channel is closed next
		})
		if err != nil {
			if first {
				return fmt.Errorf("subscribe to link events: %w", err)
			}
			_ = pause.For(ctx, time.Second)
			continue
		}
		changed() // what happened before
		for range events {
			changed()
			_ = pause.For(ctx, linkPause)
			for len(events) > 0 {
				<-events
			}
			changed()
		}
		_ = pause.For(ctx, linkPause)
	}
	return nil
}
