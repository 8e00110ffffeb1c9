package versioned

import (
	"github.com/signalbox-hq/signalbox/domain/event"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Changed is the event of one new version.
type Changed struct{ envelope event.Envelope }

// NewChanged returns the event of the version that an entry made. Version and stamp of
// the envelope are the entry's, and so is the type where it is empty:
// "<aggregate>.<past tense>". For a rollback the data has "revived": whether the
// aggregate was deleted before.
func NewChanged[I ~int64](e event.Envelope, made Entry[I], revived bool) Changed {
	if e.Type == "" {
		e.Type = e.AggregateType + "." + made.Action.PastTense()
	}
	if made.Action == scope.ActionRollback {
		e.Data["revived"] = revived
	}
	e.AggregateVersion, e.Stamp = int64(made.Version), made.Stamp
	return Changed{envelope: e}
}

// Envelope returns the event as it is published.
func (c Changed) Envelope() event.Envelope { return c.envelope }
