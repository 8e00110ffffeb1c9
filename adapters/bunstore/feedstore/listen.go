package feedstore

import (
	"context"

	"github.com/signalbox-hq/signalbox/adapters/bunstore/notification"
)

// feedChannel is the channel on which the sequencer notifies.
const feedChannel = "signalbox_feed"

// Listen receives the notifications of other processes, over a connection of its own.
func (f *Feed) Listen(ctx context.Context, notify func()) error {
	return notification.Listen(ctx, f.store, feedChannel, "the feed", func(string) { notify() })
}
