package notetest

import (
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/versioned"
	"github.com/signalbox-hq/signalbox/test/examplemodule/note"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// Store keeps notes in memory.
type Store = fixture.VersionedStore[note.ID, note.Identity, note.Query, note.State, note.Entry, *note.Note]

// NewStore returns an empty store.
func NewStore() *Store {
	return fixture.NewVersionedStore(fixture.Kind[
		note.ID, note.Identity, note.Query, note.State, note.Entry, *note.Note,
	]{
		NotFound: note.ErrNotFound, Rehydrate: note.Rehydrate,
		Head:     func(s *note.State) (*note.ID, *scope.Lifecycle) { return &s.ID, &s.Lifecycle },
		Entry:    func(e *note.Entry) *versioned.Entry[note.ID] { return &e.Entry },
		Identity: func(s note.State) note.Identity { return s.Identity },
		Order:    func(i note.Identity) []string { return []string{i.Environment.String(), i.Name.String()} },
		Matches: func(s note.State, q note.Query) bool {
			return !s.Deleted && (q.Environment.IsZero() || q.Environment == s.Identity.Environment)
		},
		Window:    func(q note.Query) scope.Window { return q.Window },
		Size:      func(s note.State) int { return len(s.Text) },
		EntrySize: func(e note.Entry) int { return len(e.Text) },
		Blank:     func(s *note.State) { s.Text = "" },
	})
}
