package flagapp

import (
	"context"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/flag"
)

// Preview is a change to preview.
type Preview struct {
	ID flag.ID
	// Change is JSON as flag.ParseChange reads it.
	Change []byte
}

// Previewed is the effect of a change.
type Previewed struct {
	// From is the current state, To the new one.
	From flag.State
	To   flag.Draft
	// Movements are the shares that would move between variants.
	Movements []flag.Movement
}

// Preview returns the effect of an Update without storing it. It fails as Update does,
// but needs only the right to read.
func (s *Service) Preview(ctx context.Context, by access.Caller, in Preview) (Previewed, error) {
	c, err := flag.ParseChange(ctx, in.Change)
	if err != nil {
		return Previewed{}, err
	}
	f, err := s.writer.Load(ctx, by, access.ReadFlag, in.ID)
	if err != nil {
		return Previewed{}, err
	}
	to, err := f.Preview(c)
	if err != nil {
		return Previewed{}, err
	}
	from := f.State()
	return Previewed{From: from, To: to, Movements: from.Definition.Movements(to.Definition)}, nil
}
