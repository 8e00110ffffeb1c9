package notestore

import (
	"context"
	"embed"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/migrator"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/test/examplemodule/note"
)

//go:embed migrations
var files embed.FS

// Repository stores notes and reads their history.
type Repository struct{ versions }

type versions = *bunstore.Versioned[note.ID, *note.Note, noteRow, note.Entry, entryRow]

var (
	_ note.Repository = (*Repository)(nil)
	_ note.History    = (*Repository)(nil)
)

// New returns the notes of a store.
func New(s *bunstore.Store) *Repository {
	return &Repository{bunstore.NewVersioned(s, bunstore.Mapping[note.ID, *note.Note, noteRow, note.Entry, entryRow]{
		One: "note", Many: "notes", NotFound: note.ErrNotFound, VersionNotFound: scope.ErrVersionNotFound,
		State: stateRow, Entry: rowOfEntry,
		Order: []string{"environment", "name"},
		Size:  func(string) string { return bunstore.TextBytes("text") }, EntrySize: bunstore.TextBytes("text"),
	})}
}

// Module returns what notes add to a store.
func Module() bunstore.Module {
	query := func(s *bunstore.Store) *bun.SelectQuery {
		return s.NewSelect().Model((*noteRow)(nil))
	}
	return bunstore.Module{
		Migrations: &migrator.Source{Name: "note", Table: "note_migrations", Files: migrations()},
		Inspect:    []bunstore.Inspection{bunstore.InspectByID("notes", query, func(r noteRow) any { return r.ID })},
	}
}

// FindByIdentity returns the note of that identity, or note.ErrNotFound.
func (r *Repository) FindByIdentity(ctx context.Context, i note.Identity) (*note.Note, error) {
	return r.FindBy(ctx, r.Select().
		Where("environment = ?", i.Environment.String()).Where("name = ?", i.Name.String()))
}

// List returns a page of the matching notes, and the number of all.
func (r *Repository) List(ctx context.Context, query note.Query) (note.Page, error) {
	return r.ListBy(ctx, false, func(q *bun.SelectQuery) *bun.SelectQuery {
		if !query.Environment.IsZero() {
			q = q.Where("environment = ?", query.Environment.String())
		}
		return q
	}, query.Window)
}
