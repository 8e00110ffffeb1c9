package notestore

import (
	"io/fs"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/column"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/test/examplemodule/note"
)

// migrations returns postgres/*.sql and sqlite/*.sql.
func migrations() fs.FS {
	folder, err := fs.Sub(files, "migrations")
	if err != nil {
		panic("notestore: " + err.Error())
	}
	return folder
}

type noteRow struct {
	bun.BaseModel `bun:"table:notes,alias:n"`

	ID          int64  `bun:",pk" store:"ids=note_ids"`
	Environment string `store:"identity"`
	Name        string `store:"identity"`
	Text        string
	CreatedAt   column.Timestamp `store:"insert"`
	bunstore.LifecycleColumns
}

func stateRow(n *note.Note, event string) (noteRow, error) {
	s := n.State()
	return noteRow{
		ID: int64(s.ID), Environment: s.Identity.Environment.String(), Name: s.Identity.Name.String(), Text: s.Text,
		CreatedAt: column.Time(s.CreatedAt), LifecycleColumns: bunstore.ColumnsOf(s.Lifecycle, event),
	}, nil
}

// RowKey identifies the row.
func (r noteRow) RowKey() bunstore.RowKey { return bunstore.KeyOf("notes", r.ID) }

// Rehydrate checks the domain's rules again.
func (r noteRow) Rehydrate(unread error) (*note.Note, error) {
	environment, envErr := scope.ParseEnvironment(r.Environment)
	name, nameErr := scope.ParseFlagName(r.Name)
	s := note.State{
		ID: note.ID(r.ID), Identity: note.Identity{Environment: environment, Name: name}, Text: r.Text,
		Lifecycle: r.Lifecycle(r.CreatedAt),
	}
	err := r.CheckState(r.RowKey(), r.CreatedAt, unread, envErr, nameErr, note.CheckText(r.Text))
	if err != nil {
		s.Text = ""
		s.Identity = note.Identity{
			Environment: scope.RehydrateEnvironment(column.Printable(r.Environment)),
			Name:        scope.RehydrateFlagName(column.Printable(r.Name)),
		}
		bunstore.MarkDamaged(&s.Lifecycle)
	}
	return note.Rehydrate(s), err
}

type entryRow struct {
	bun.BaseModel `bun:"table:note_history,alias:h"`

	bunstore.EntryColumns

	NoteID int64 `store:"aggregate"`
	Text   string
}

func rowOfEntry(e note.Entry, id note.ID) entryRow {
	return entryRow{EntryColumns: bunstore.EntryColumnsOf(e.Entry), NoteID: int64(id), Text: e.Text}
}

// RowKey identifies the row.
func (r entryRow) RowKey() bunstore.RowKey { return bunstore.KeyOf("note_history", r.ID) }

// Rehydrate checks the domain's rules again.
func (r entryRow) Rehydrate(unread error) (note.Entry, error) {
	made, err := bunstore.EntryOf[note.ID](r.EntryColumns, r.NoteID, r.RowKey(), unread, note.CheckText(r.Text))
	if err != nil {
		return note.Entry{Entry: made}, err
	}
	return note.Entry{Entry: made, Text: r.Text}, nil
}
