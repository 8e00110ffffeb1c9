package scope

import (
	"slices"
	"time"
)

// Precondition is what a write expects of the current state, by RFC 9110, section 13. The
// zero value expects nothing. It is checked on the state that the write replaces.
type Precondition struct {
	// Versions are those of which one must be current; nil is any.
	Versions []Version
	// NotVersions are those of which none may be current.
	NotVersions []Version
	// Absent says that there may be no current state.
	Absent bool
	// UnmodifiedSince is a time after which the state may not have changed; zero is any.
	UnmodifiedSince time.Time
}

// ExpectVersions expects one of the versions, or nothing where none is given.
func ExpectVersions(versions ...Version) Precondition { return Precondition{Versions: versions} }

// Expect returns ErrStale with the current version unless the precondition holds.
func (l *Lifecycle) Expect(p Precondition) error {
	switch {
	case p.Versions != nil && !slices.Contains(p.Versions, l.Version),
		slices.Contains(p.NotVersions, l.Version),
		p.Absent && !l.Deleted,
		!p.UnmodifiedSince.IsZero() && l.UpdatedAt.After(p.UnmodifiedSince):
		return StaleAt(l.Version)
	}
	return nil
}
