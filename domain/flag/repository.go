package flag

import (
	"context"
	"time"

	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Repository stores flags. Whoever calls it gets deleted and damaged ones too and
// decides what they mean: a row that breaks a rule costs that row only. A store that
// cannot be reached is fault.ErrUnavailable from every method.
type Repository interface {
	// Save writes the unsaved changes of all the given flags in one transaction:
	// state, history entries and events, all or none. It marks them saved and gives
	// new ones their id. One without changes is passed over.
	//
	// ErrStale: the store holds another version than the one that was loaded.
	// ErrAlreadyExists: a new one's identity is taken, also by a deleted one.
	// After an error that is no refusal (fault.Unavailable or fault.Internal) it is unknown
	// whether the store has them, unless it wraps fault.ErrUnreached.
	Save(ctx context.Context, flags ...*Flag) error
	// Find returns the flag of that id, or ErrNotFound.
	Find(ctx context.Context, id ID) (*Flag, error)
	// FindByIdentity returns the flag of that identity, or ErrNotFound.
	FindByIdentity(ctx context.Context, identity Identity) (*Flag, error)
	// List returns a page of what matches, ordered by environment and name
	// (bytewise), with the true number of all that matches as of the same moment. A
	// page of many bytes comes in parts: see scope.PartBytes.
	List(ctx context.Context, query Query) (Page, error)
}

// Query says which flags to list. Zero fields do not narrow.
type Query struct {
	Environment scope.Environment
	// NamePrefix is compared bytewise, and is no pattern.
	NamePrefix string
	// Deleted lists the deleted ones instead of those that live.
	Deleted bool
	// Limit is 1 to 1000, Offset 0 or more.
	Limit, Offset int
}

// Page is a part of a list, or the first part of it.
type Page struct {
	Flags []*Flag
	Total int
	// Bytes is how many bytes the store holds of what the part holds.
	Bytes int
	// Next returns the next part of the same page; it is nil at the end. What was
	// deleted since the first part was read is left out.
	Next func(context.Context) (Page, error)
}

// History reads what a Repository has saved, version by version. An entry whose row
// breaks a rule is Damaged, and stands in its place.
type History interface {
	// Entry returns the entry that made a version, or ErrVersionNotFound.
	Entry(ctx context.Context, id ID, version scope.Version) (HistoryEntry, error)
	// EntryAt returns the newest entry made at or before that time, or
	// ErrVersionNotFound where there is none.
	EntryAt(ctx context.Context, id ID, at time.Time) (HistoryEntry, error)
	// Entries returns a page of entries, newest first, with the number of all; a
	// flag that does not exist has none. A page of many bytes comes in parts.
	Entries(ctx context.Context, id ID, limit, offset int) (HistoryPage, error)
}

// HistoryPage is a part of a history, or the first part of it.
type HistoryPage struct {
	Entries []HistoryEntry
	Total   int
	// Bytes is how many bytes the store holds of what the part holds.
	Bytes int
	// Next returns the next part of the same page; it is nil at the end. What was
	// deleted since the first part was read is left out.
	Next func(context.Context) (HistoryPage, error)
}

// Source is what a memory of all flags is filled from. A store that cannot be
// reached is fault.ErrUnavailable.
type Source interface {
	// Counts returns how many versions the flags of each environment have had in
	// all. It grows with every change that is committed and never else, whatever
	// the order of commits: who holds flags whose versions sum to it holds them as
	// they are. An environment without flags is left out. It is cheap to ask.
	Counts(ctx context.Context) (map[scope.Environment]int64, error)
	// Versions returns the present version of every flag of an environment, deleted
	// ones too, as of one moment.
	Versions(ctx context.Context, environment scope.Environment) (map[ID]scope.Version, error)
	// Load returns the flags of those ids, in no order; unknown ids are passed over.
	Load(ctx context.Context, ids ...ID) ([]*Flag, error)
}
