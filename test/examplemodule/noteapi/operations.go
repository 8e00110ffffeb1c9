package noteapi

import (
	"context"
	"net/http"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest/etag"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/test/examplemodule/note"
	"github.com/signalbox-hq/signalbox/test/examplemodule/noteapp"
)

// Notes are the use cases of notes, as noteapp.Service implements them.
type Notes interface {
	Create(ctx context.Context, by access.Caller, in noteapp.Create) (note.State, error)
	Update(ctx context.Context, by access.Caller, in noteapp.Update) (note.State, error)
	Read(ctx context.Context, by access.Caller, id note.ID) (note.State, error)
}

// API serves the operations of notes.
type API struct{ notes Notes }

// New returns the operations over their use cases.
func New(notes Notes) *API { return &API{notes: notes} }

// The paths of notes.
const (
	collectionPath = rest.BasePath + "/notes"
	idPath         = collectionPath + "/{note_id}"
	tag            = "notes"
)

// Register adds the operations to a router.
func (a *API) Register(r *rest.Router) {
	rest.Typed(r, rest.Operation{
		ID: "create-note", Method: http.MethodPost, Path: collectionPath, Tag: tag, Summary: "Create a note",
		Action: noteapp.WriteNote, Status: http.StatusCreated, Problems: []int{http.StatusConflict},
	}, a.create)
	rest.Typed(r, rest.Operation{
		ID: "read-note", Method: http.MethodGet, Path: idPath, Tag: tag, Summary: "Read a note",
		Action: noteapp.ReadNote, Problems: []int{http.StatusNotFound},
	}, a.read)
	rest.Typed(r, rest.Operation{
		ID: "update-note", Method: http.MethodPut, Path: idPath, Tag: tag, Summary: "Update a note",
		Action: noteapp.WriteNote, Problems: []int{http.StatusNotFound, http.StatusPreconditionFailed},
	}, a.update)
}

// noteJSON is a note.
type noteJSON struct {
	ID          int64  `json:"id"`
	Environment string `json:"environment"`
	Name        string `json:"name"`
	Text        string `json:"text"`
	Version     int64  `json:"version"`
}

type output struct {
	ETag string `header:"ETag"`
	Body noteJSON
}

func outputOf(s note.State, err error) (*output, error) {
	if err != nil {
		return nil, err
	}
	return &output{ETag: etag.OfVersion(s.Version), Body: noteJSON{
		ID: int64(s.ID), Environment: s.Identity.Environment.String(), Name: s.Identity.Name.String(),
		Text: s.Text, Version: int64(s.Version),
	}}, nil
}

type createInput struct {
	Body struct {
		Environment string `json:"environment"`
		Name        string `json:"name"`
		Text        string `json:"text"`
	}
}

func (a *API) create(ctx context.Context, in *createInput) (*output, error) {
	return outputOf(a.notes.Create(ctx, rest.CallerOf(ctx), noteapp.Create(in.Body)))
}

// Target identifies the note of an operation.
type Target struct {
	NoteID int64 `path:"note_id" minimum:"1"`
}

func (a *API) read(ctx context.Context, in *Target) (*output, error) {
	return outputOf(a.notes.Read(ctx, rest.CallerOf(ctx), note.ID(in.NoteID)))
}

type updateInput struct {
	Target
	rest.Precondition
	Body struct {
		Text string `json:"text"`
	}
}

func (a *API) update(ctx context.Context, in *updateInput) (*output, error) {
	return outputOf(a.notes.Update(ctx, rest.CallerOf(ctx), noteapp.Update{
		ID: note.ID(in.NoteID), Text: in.Body.Text, Expect: in.Expected(),
	}))
}
