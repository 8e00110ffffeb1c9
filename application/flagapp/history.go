package flagapp

import (
	"context"

	"github.com/signalbox-hq/signalbox/application/page"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// History selects a page of a flag's history.
type History struct {
	ID flag.ID
	// Limit is 1 to page.MaxLimit.
	scope.Window
}

// Timeline is a page of history entries, or the first part of one, newest first, with
// the total number.
type Timeline = flag.HistoryPage

// ReadHistory returns a page of a flag's versions, newest first, also when it is
// deleted.
func (s *Service) ReadHistory(ctx context.Context, by access.Caller, in History) (Timeline, error) {
	if err := page.CheckNumbered(in.Window); err != nil {
		return Timeline{}, err
	}
	if _, err := s.writer.Load(ctx, by, access.ReadFlag, in.ID); err != nil {
		return Timeline{}, err
	}
	return s.deps.History.Entries(ctx, in.ID, in.Window)
}
