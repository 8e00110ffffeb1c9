package configapp

import (
	"context"

	"github.com/signalbox-hq/signalbox/application/page"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// History is the input of ReadHistory.
type History struct {
	ID configuration.ID
	// Limit is 1 to page.MaxLimit.
	scope.Window
}

// Timeline is a page of history entries, or the first part of one, newest first, with
// the number of all.
type Timeline = configuration.HistoryPage

// ReadHistory returns a page of a configuration's versions, newest first, also
// when it is deleted. Encrypted values stay sealed for every caller.
func (s *Service) ReadHistory(ctx context.Context, by access.Caller, in History) (Timeline, error) {
	if err := page.CheckNumbered(in.Window); err != nil {
		return Timeline{}, err
	}
	if _, err := s.writer.Load(ctx, by, access.ReadConfiguration, in.ID); err != nil {
		return Timeline{}, err
	}
	return s.deps.History.Entries(ctx, in.ID, in.Window)
}
