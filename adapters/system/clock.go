package system

import (
	"time"

	"github.com/signalbox-hq/signalbox/ports"
)

// Clock returns the system's time.
type Clock struct{}

var _ ports.Clock = Clock{}

// NewClock returns the system's clock.
func NewClock() Clock { return Clock{} }

// Now returns the current time in UTC, truncated to microseconds.
func (Clock) Now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
