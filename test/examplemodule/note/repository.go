package note

import (
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/versioned"
)

// Repository stores notes.
type Repository interface {
	versioned.Repository[ID, Identity, Query, *Note]
}

// History reads the versions of notes.
type History interface {
	versioned.History[ID, Entry]
}

// Query says which notes to list. Zero fields do not narrow.
type Query struct {
	Environment scope.Environment
	scope.Window
}

// Page is a part of a list.
type Page = versioned.Page[*Note]
