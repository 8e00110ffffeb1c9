package settings

import (
	"strconv"
	"time"
)

// AuditReveals is "buffered" or "strict".
type AuditReveals string

// UnmarshalText reads one of the two.
func (a *AuditReveals) UnmarshalText(text []byte) error {
	if *a = AuditReveals(text); *a != "buffered" && *a != "strict" {
		return errNotAllowed
	}
	return nil
}

// Strict reports whether values are not revealed while that cannot be recorded.
func (a AuditReveals) Strict() bool { return a == "strict" }

// Retention is how long something is kept, up to 100 years; 0 is for ever.
type Retention time.Duration

// UnmarshalText reads whole seconds or a Go duration.
func (r *Retention) UnmarshalText(text []byte) error {
	const most = 100 * 365 * 24 * time.Hour
	value, err := time.ParseDuration(string(text))
	if seconds, numberErr := strconv.ParseInt(string(text), 10, 32); numberErr == nil {
		value, err = time.Duration(seconds)*time.Second, nil
	}
	if err != nil || value < 0 || value > most {
		return errNotAllowed
	}
	*r = Retention(value)
	return nil
}
