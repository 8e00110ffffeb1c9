package examplemodule

import (
	"go.uber.org/fx"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/ginapi"
	"github.com/signalbox-hq/signalbox/bootstrap"
	"github.com/signalbox-hq/signalbox/bootstrap/settings"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/examplemodule/noteapi"
	"github.com/signalbox-hq/signalbox/test/examplemodule/noteapp"
	"github.com/signalbox-hq/signalbox/test/examplemodule/notestore"
)

// Module returns the module of notes.
func Module() bootstrap.Module {
	return bootstrap.Module{
		Descriptor: noteapp.Module(),
		Store:      notestore.Module(),
		Operations: noteapi.New(nil),
		Options: fx.Provide(newNotes, fx.Annotate(
			func(s *noteapp.Service) ginapi.Module { return noteapi.New(s) }, fx.ResultTags(`group:"operations"`))),
	}
}

func newNotes(s settings.Settings, store *bunstore.Store, clock ports.Clock, backoff ports.Backoff) *noteapp.Service {
	return noteapp.New(noteapp.Dependencies{
		Notes: notestore.New(store), Clock: clock, Backoff: backoff, Environments: s.Policy(),
	})
}
