package targeting

import "context"

// Bounds of the values that conditions read.
const (
	// MaxSeenBytes bounds the strings and numbers that conditions search or parse.
	// Strings of any length can be compared for equality.
	MaxSeenBytes = 4 << 10
	// MaxElements bounds the elements of a list that is searched.
	MaxElements = 10_000
)

// Failure is why conditions could not be decided.
type Failure uint8

// The failures.
const (
	// Sound is none.
	Sound Failure = iota
	// TooLarge is a string or a list beyond the bounds.
	TooLarge
	// TooLate is work that did not end in time. It stays until Reset.
	TooLate
)

// Effort is counted in units of some nanoseconds, so that the deadline is checked about
// every ten milliseconds of work, and never during short work.
const (
	lookAfter       = 1 << 20
	effortOfFlag    = 64
	effortOfOne     = 16
	effortOfElement = 8
)

// Until lets conditions end as TooLate when ctx ends.
func (c *Context) Until(ctx context.Context) { c.until = ctx }

// Begin begins the conditions of a flag: a TooLarge of another flag is reset.
func (c *Context) Begin() {
	if c.failure == TooLarge {
		c.failure = Sound
	}
	c.spend(effortOfFlag)
}

// Failure returns why conditions could not be decided since Begin. Their results are
// invalid then.
func (c *Context) Failure() Failure { return c.failure }

// spend counts effort, and checks the deadline after much of it.
func (c *Context) spend(effort int) {
	if c.spent += effort; c.spent >= lookAfter {
		c.look()
	}
}

func (c *Context) look() {
	c.spent = 0
	if c.until != nil && c.until.Err() != nil {
		c.failure = TooLate
	}
}

// fits reports whether a string or number is within the bounds.
func (c *Context) fits(v Value) bool {
	if len(v.Text) <= MaxSeenBytes {
		return true
	}
	c.refuse()
	return false
}

// refuse records TooLarge, unless it is TooLate already.
func (c *Context) refuse() {
	if c.failure == Sound {
		c.failure = TooLarge
	}
}
