package noteapp

import (
	"context"

	"github.com/signalbox-hq/signalbox/application/change"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/examplemodule/note"
)

// Dependencies is what the use cases need.
type Dependencies struct {
	Notes        note.Repository
	Clock        ports.Clock
	Backoff      ports.Backoff
	Environments scope.Environments
}

// Service offers the use cases. It is safe for concurrent use.
type Service struct {
	deps   Dependencies
	writer change.Writer[note.ID, *note.Note]
}

// New returns the use cases over their dependencies.
func New(d Dependencies) *Service {
	return &Service{deps: d, writer: change.Writer[note.ID, *note.Note]{
		Find: d.Notes.Find, Save: func(ctx context.Context, n *note.Note) error { return d.Notes.Save(ctx, n) },
		Resource: resourceOf, Action: WriteNote, Sight: ReadNote, NotFound: note.ErrNotFound, Backoff: d.Backoff,
	}}
}

func resourceOf(n *note.Note) access.Resource {
	return access.Resource{Environment: n.Identity().Environment, Name: n.Identity().Name.String()}
}

// Create says what to create.
type Create struct{ Environment, Name, Text string }

// Create stores a new note, or recreates a deleted one.
func (s *Service) Create(ctx context.Context, by access.Caller, in Create) (note.State, error) {
	environment, envErr := s.deps.Environments.Parse(in.Environment)
	name, nameErr := scope.ParseFlagName(in.Name)
	if err := fault.Merge(envErr, nameErr, note.CheckText(in.Text)); err != nil {
		return note.State{}, err
	}
	if err := by.Require(WriteNote, access.Resource{Environment: environment, Name: name.String()}); err != nil {
		return note.State{}, err
	}
	identity := note.Identity{Environment: environment, Name: name}
	create := func() *note.Note { return note.New(identity, in.Text, by.Stamp(s.deps.Clock.Now())) }
	return stateOf(s.writer.Create(ctx, create, func(ctx context.Context) (*note.Note, error) {
		existing, err := s.deps.Notes.FindByIdentity(ctx, identity)
		if err != nil {
			return nil, err
		}
		return existing, existing.Recreate(in.Text, by.Stamp(s.deps.Clock.Now()))
	}))
}

// Update says what to change.
type Update struct {
	ID     note.ID
	Text   string
	Expect scope.Precondition
}

// Update replaces the text of a note.
func (s *Service) Update(ctx context.Context, by access.Caller, in Update) (note.State, error) {
	if err := note.CheckText(in.Text); err != nil {
		return note.State{}, err
	}
	return stateOf(s.writer.Edit(ctx, by, change.Edit[note.ID, *note.Note]{
		ID: in.ID, Expect: in.Expect,
		Apply: func(_ context.Context, n *note.Note) error { return n.Update(in.Text, by.Stamp(s.deps.Clock.Now())) },
	}))
}

// Read returns a note.
func (s *Service) Read(ctx context.Context, by access.Caller, id note.ID) (note.State, error) {
	n, err := s.writer.Load(ctx, by, ReadNote, id)
	if err == nil && n.Deleted() {
		err = note.ErrNotFound
	}
	return stateOf(n, err)
}

func stateOf(n *note.Note, err error) (note.State, error) {
	if err != nil {
		return note.State{}, err
	}
	return n.State(), nil
}
