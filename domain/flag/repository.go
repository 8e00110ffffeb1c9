package flag

import (
	"context"

	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/versioned"
)

// Repository stores flags; it lists them by environment and name.
type Repository interface {
	versioned.Repository[ID, Identity, Query, *Flag]
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
type Page = versioned.Page[*Flag]

// History reads the versions of flags.
type History interface {
	versioned.History[ID, HistoryEntry]
}

// HistoryPage is a part of a history, or the first part of it.
type HistoryPage = versioned.HistoryPage[HistoryEntry]

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
