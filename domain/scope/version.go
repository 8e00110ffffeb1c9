package scope

import (
	"time"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

// Version counts the changes of one aggregate, from 1 and without a gap.
type Version int64

// Errors of all versioned aggregates.
var (
	// ErrVersionNotFound is a version that the aggregate never had.
	ErrVersionNotFound = fault.New(fault.NotFound, "version_not_found", "The version does not exist.")
	// ErrVersionIsDelete is a rollback to a version that was a deletion.
	ErrVersionIsDelete = fault.New(fault.Conflict, "version_is_delete",
		"The version is a deletion and cannot be rolled back to. Choose another version.")
	// ErrAlreadyExists is a creation with an identity that exists already.
	ErrAlreadyExists = fault.New(fault.Conflict, "already_exists",
		"A resource with this identity exists already. Update it by its id.")
	// ErrDamaged is an aggregate whose stored row is unreadable. It can be deleted, and
	// rolled back to a readable version.
	ErrDamaged = fault.New(fault.Conflict, "damaged",
		"The stored row is unreadable. Delete the resource, roll it back to an earlier version, "+
			"or repair its row in the database (docs/operations.md, Damaged rows).")
	// ErrStale is a write that expects another version than the current one.
	ErrStale = fault.New(fault.Stale, "stale_version",
		"The resource has changed since that version. Read it again and repeat the change.")
)

// DamagedAt returns ErrDamaged with an id where the stored row is unreadable, else nil.
func (l *Lifecycle) DamagedAt(id int64) error {
	if !l.Damaged {
		return nil
	}
	return ErrDamaged.WithDetail("id", id).WithDetail("version", int64(l.Version))
}

// Exists returns ErrAlreadyExists with the id of the existing aggregate.
func Exists(id int64) error { return ErrAlreadyExists.WithDetail("id", id) }

// StaleAt returns ErrStale with the current version.
func StaleAt(current Version) error { return ErrStale.WithDetail("current_version", int64(current)) }

// Lifecycle is the current version of an aggregate, with its time and author, and whether
// the aggregate is deleted. The zero value precedes the first version.
type Lifecycle struct {
	Version   Version
	CreatedAt time.Time
	UpdatedAt time.Time
	UpdatedBy Actor
	Deleted   bool
	// Event is the id of the event that made the version, as the store has it; empty
	// for a version that is not saved, and for one from before ids were kept.
	Event string
	// Damaged reports that the stored row is unreadable: only the id, this lifecycle and
	// the identity as stored are known. The identity may break a rule.
	Damaged bool
}

// Differ reports whether two ids are of different events. An unknown id differs from
// none.
func Differ(event, other string) bool { return event != "" && other != "" && event != other }

// Advance creates the next version and returns its stamp. Time never goes back within one
// aggregate, even where the clock does, so that a read as of a time has one answer.
func (l *Lifecycle) Advance(action Action, stamp Stamp) Stamp {
	if l.Version == 0 {
		l.CreatedAt = stamp.At
	}
	if stamp.At.Before(l.UpdatedAt) {
		stamp.At = l.UpdatedAt
	}
	l.Version++
	l.Event = ""
	l.Deleted = action == ActionDelete
	l.UpdatedAt, l.UpdatedBy = stamp.At, stamp.By
	return stamp
}

// AsOf returns the lifecycle as of a version; it is not for deletions.
func (l *Lifecycle) AsOf(version Version, made Stamp) Lifecycle {
	then := *l
	then.Version, then.UpdatedAt, then.UpdatedBy, then.Deleted = version, made.At, made.By, false
	if version != l.Version {
		then.Event = ""
	}
	then.Damaged = false
	return then
}
