package cli

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

// expiry is the flag for the end of a key: a lifetime in days (30d), in the units of Go
// (12h), or both (1d12h), its end as a date, which is its beginning in UTC, or as an
// RFC 3339 time, or "never".
type expiry struct {
	lifetime time.Duration
	end      time.Time
	never    bool
	given    bool
}

// errExpiry is the rule of the flag.
var errExpiry = errors.New("must be a positive lifetime such as 30d or 12h, an end such as 2030-01-31 or " +
	"2030-01-31T18:00:00Z, or never for a key without an end")

const day = 24 * time.Hour

// String returns the default.
func (*expiry) String() string { return "" }

// Type returns what help texts show.
func (*expiry) Type() string { return "lifetime|date|never" }

// Set reads the flag.
func (e *expiry) Set(text string) error {
	if text == "never" {
		*e = expiry{never: true, given: true}
		return nil
	}
	if end, err := parseInstant(text); err == nil {
		*e = expiry{end: end, given: true}
		return nil
	}
	lifetime, err := parseLifetime(text)
	if err != nil || lifetime <= 0 {
		return errExpiry
	}
	*e = expiry{lifetime: lifetime, given: true}
	return nil
}

// at returns the end for a key that is changed at a time; zero is never.
func (e *expiry) at(now time.Time) time.Time {
	if e.lifetime > 0 {
		return now.Add(e.lifetime)
	}
	return e.end
}

// span is the flag for a length of time: 0, or one as a lifetime is written.
type span struct{ time.Duration }

// String returns the default.
func (*span) String() string { return "" }

// Type returns what help texts show.
func (*span) Type() string { return "duration" }

// Set reads the flag.
func (s *span) Set(text string) error {
	length, err := parseLifetime(text)
	if err != nil || length < 0 {
		return errors.New("must be 0 or a duration such as 12h or 1d")
	}
	s.Duration = length
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
