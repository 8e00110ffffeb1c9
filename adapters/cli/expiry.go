package cli

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/signalbox-hq/signalbox/application/accessapp"
)

// expiry is the flag for the end of a key: a lifetime in days (30d), in the units of Go
// (12h), or both (1d12h), or its end as a date, which is its beginning in UTC, or as an
// RFC 3339 time.
type expiry struct{ in *accessapp.Issue }

// errExpiry is the rule of the flag.
var errExpiry = errors.New(
	"must be a positive lifetime such as 30d or 12h, or an end such as 2030-01-31 or 2030-01-31T18:00:00Z")

const day = 24 * time.Hour

// String returns the default.
func (expiry) String() string { return "" }

// Type returns what help texts show.
func (expiry) Type() string { return "lifetime|date" }

// Set reads the flag.
func (e expiry) Set(text string) error {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if end, err := time.Parse(layout, text); err == nil {
			e.in.Expires, e.in.Lifetime = end.UTC(), 0
			return nil
		}
	}
	lifetime, err := parseLifetime(text)
	if err != nil || lifetime < 0 {
		return errExpiry
	}
	e.in.Expires, e.in.Lifetime = time.Time{}, lifetime
	return nil
}

func parseLifetime(text string) (time.Duration, error) {
	days, rest, inDays := strings.Cut(text, "d")
	if !inDays {
		return time.ParseDuration(text) //nolint:wrapcheck // Set replaces the error
	}
	n, err := strconv.ParseUint(days, 10, 16)
	if err != nil {
		return 0, errExpiry
	}
	lifetime := time.Duration(n) * day
	if rest == "" {
		return lifetime, nil
	}
	more, err := time.ParseDuration(rest)
	if err != nil || more < 0 || lifetime > math.MaxInt64-more {
		return 0, errExpiry
	}
	return lifetime + more, nil
}
