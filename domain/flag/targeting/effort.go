package targeting

import "context"

// Bounds of what conditions look at.
const (
	// MaxSeenBytes is the longest text or number that conditions look into. Texts of
	// any length can be compared as a whole.
	MaxSeenBytes = 4 << 10
	// MaxElements is how many elements a list may have that is looked through.
	MaxElements = 10_000
)

// Failure says why conditions could not be decided.
type Failure uint8

// The failures.
const (
	// Sound is none.
	Sound Failure = iota
	// TooLarge is a text or a list beyond the bounds.
	TooLarge
	// TooLate is work that did not end in time. It stays until Reset.
	TooLate
)

// Effort is counted in units of some nanoseconds, so that the deadline is looked at
// about every ten milliseconds of work, and never by what is quickly done.
const (
	lookAfter       = 1 << 20
	effortOfFlag    = 64
	effortOfOne     = 16
	effortOfElement = 8
)

// Until lets conditions end as TooLate when ctx ends.
func (c *Context) Until(ctx context.Context) { c.until = ctx }

// Begin begins the conditions of a flag: what was too large for another is forgotten.
func (c *Context) Begin() {
	if c.failure == TooLarge {
		c.failure = Sound
	}
	c.spend(effortOfFlag)
}

// Failure returns why conditions could not be decided since Begin. What they said
// does not count then.
func (c *Context) Failure() Failure { return c.failure }

// spend counts effort, and looks at the deadline after much of it.
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

// fits reports whether a text or number may be looked into.
func (c *Context) fits(v Value) bool {
	if len(v.Text) <= MaxSeenBytes {
		return true
	}
	c.refuse()
	return false
}

// refuse says that something is too large, unless it is too late already.
func (c *Context) refuse() {
	if c.failure == Sound {
		c.failure = TooLarge
	}
}
