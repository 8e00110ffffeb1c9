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

// Query selects flags. Zero fields do not narrow it.
type Query struct {
	Environment scope.Environment
	// NamePrefix is a literal prefix, compared bytewise.
	NamePrefix string
	// Deleted lists the deleted ones instead of the others.
	Deleted bool
	// Within narrows to what one of the areas contains; nil is for everything.
	Within []scope.Area
	scope.Window
}

// Page is a part of a list, or the first part of it.
type Page = versioned.Page[*Flag]

// History reads the versions of flags.
type History interface {
	versioned.History[ID, HistoryEntry]
}

// HistoryPage is a part of a history, or the first part of it.
type HistoryPage = versioned.Page[HistoryEntry]

// Source fills a cache of all flags. A store that cannot be reached is
// fault.ErrUnavailable.
type Source interface {
	// Counts returns the sum of the versions of the flags of each environment. It grows
	// with every committed change and never otherwise, whatever the order of commits: a
	// cache whose versions have the same sum is current. An environment without flags is
	// left out. It is cheap.
	Counts(ctx context.Context) (map[scope.Environment]int64, error)
	// Versions returns the current version of every flag of an environment, deleted ones
	// too, as of one moment.
	Versions(ctx context.Context, environment scope.Environment) (map[ID]scope.Version, error)
	// Load returns the flags of those ids, in no order; unknown ids are skipped.
	Load(ctx context.Context, ids ...ID) ([]*Flag, error)
}
