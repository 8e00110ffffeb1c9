package watermillbus

import (
	"context"
	"hash/maphash"

	"github.com/ThreeDotsLabs/watermill/message"
)

// OpenForTest returns a bus with one lane.
func OpenForTest(p message.Publisher) *Bus {
	return &Bus{
		seed: maphash.MakeSeed(),
		open: func(context.Context) ([]message.Publisher, error) { return []message.Publisher{p}, nil },
	}
}
