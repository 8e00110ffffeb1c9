package ports

// IDs makes identifiers and secrets that nobody can guess. Its methods are safe
// for concurrent use and do not fail: a system without randomness stops.
type IDs interface {
	// UUID returns a new UUID of version 7 (RFC 9562) in its 36-character form.
	// Later calls in one process return greater ones.
	UUID() string
	// Base62 returns n digits of 0-9A-Za-z, each drawn alike and independently;
	// n is at least 1.
	Base62(n int) string
}
