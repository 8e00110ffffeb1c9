package configuration

import (
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/versioned"
)

// Repository stores configurations; it lists them by environment, service name and key.
type Repository interface {
	versioned.Repository[ID, Identity, Query, *Configuration]
}

// Query selects configurations. Zero fields do not narrow it.
type Query struct {
	Environment scope.Environment
	Service     scope.ServiceName
	// KeyPrefix is a literal prefix, compared bytewise.
	KeyPrefix string
	// Deleted lists the deleted ones instead of the others.
	Deleted bool
	// Within narrows to what one of the areas contains; nil is for everything.
	Within []scope.Area
	scope.Window
}

// Page is a part of a list, or the first part of it.
type Page = versioned.Page[*Configuration]

// History reads the versions of configurations.
type History interface {
	versioned.History[ID, HistoryEntry]
}

// HistoryPage is a part of a history, or the first part of it.
type HistoryPage = versioned.Page[HistoryEntry]
