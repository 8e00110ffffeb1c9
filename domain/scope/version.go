package scope

import (
	"slices"
	"time"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

// Version counts the changes of one versioned thing, from 1 and without a gap.
type Version int64

// Failures of everything that has versions.
var (
	// ErrVersionNotFound is a version that a thing never had.
	ErrVersionNotFound = fault.New(fault.NotFound, "version_not_found", "There never was such a version.")
	// ErrVersionIsDelete is a rollback to a version that was a deletion.
	ErrVersionIsDelete = fault.New(fault.Conflict, "version_is_delete",
		"That version is a deletion and holds nothing to go back to. Choose another, or delete it.")
	// ErrAlreadyExists is a creation where a thing of that identity lives.
	ErrAlreadyExists = fault.New(fault.Conflict, "already_exists",
		"One of that name exists there already. Update it by its id.")
	// ErrDamaged is a thing whose stored row breaks a rule, so that nothing of it can
	// be relied upon. It can be deleted, and rolled back to a version that can be read.
	ErrDamaged = fault.New(fault.Conflict, "damaged",
		"What is stored of it cannot be read. Delete it, roll it back to an earlier version, "+
			"or repair its row in the database (docs/operations.md, Damaged rows).")
	// ErrStale is a write against a version that is not the present one.
	ErrStale = fault.New(fault.Stale, "stale_version",
		"It has changed since that version. Read it again and repeat the change.")
)

// DamagedAt returns ErrDamaged with an id, unless nothing is damaged: then nil.
func (l *Lifecycle) DamagedAt(id int64) error {
	if !l.Damaged {
		return nil
	}
	return ErrDamaged.WithDetail("id", id).WithDetail("version", int64(l.Version))
}

// Exists returns ErrAlreadyExists with the id of the one that lives.
func Exists(id int64) error { return ErrAlreadyExists.WithDetail("id", id) }

// StaleAt returns ErrStale with the present version.
func StaleAt(current Version) error { return ErrStale.WithDetail("current_version", int64(current)) }

// Lifecycle is where a versioned thing stands: its present version, when and by
// whom it was made, and whether it is deleted. The zero value stands before the
// first version.
type Lifecycle struct {
	Version   Version
	CreatedAt time.Time
	UpdatedAt time.Time
	UpdatedBy Actor
	Deleted   bool
	// Event is the id of the event that made the version, as the store has it; empty
	// for a version that is not saved, and for one from before ids were kept.
	Event string
	// Damaged says that the stored row breaks a rule: beside the id, the identity as
	// it is stored and what stands here, nothing is known. Identities may break a rule.
	Damaged bool
}

// Differ reports whether two ids are of different events. An id that is not known
// differs from none.
func Differ(event, other string) bool { return event != "" && other != "" && event != other }

// Advance makes the next version and returns the stamp that it carries. Time does
// not go back within one thing, also when the clock does, so that a read as of a
// time has one answer.
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

// AsOf returns where the thing stood at a version that was made then; it is not
// for deletions.
func (l *Lifecycle) AsOf(version Version, made Stamp) Lifecycle {
	then := *l
	then.Version, then.UpdatedAt, then.UpdatedBy, then.Deleted = version, made.At, made.By, false
	if version != l.Version {
		then.Event = ""
	}
	then.Damaged = false
	return then
}

// Expect returns ErrStale with the present version unless that is one of the
// versions. Nothing expected is nil.
func (l *Lifecycle) Expect(versions ...Version) error {
	if len(versions) == 0 || slices.Contains(versions, l.Version) {
		return nil
	}
	return StaleAt(l.Version)
}
