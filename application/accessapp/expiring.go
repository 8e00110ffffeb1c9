package accessapp

import (
	"context"
	"fmt"
	"time"

	"github.com/signalbox-hq/signalbox/application/page"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/ports"
)

// ExpiryInterval is how often FindExpiring is to be called.
const ExpiryInterval = time.Hour

// expiring is what FindExpiring has found last.
type expiring struct {
	count int64
	// warned is when the log last named each key.
	warned map[string]time.Time
}

// warnAgain is how long after a warning the log names a key again.
const warnAgain = 24 * time.Hour

// FindExpiring looks for keys that expire within access.ExpiryWarning, for Conditions. It
// returns those that it has not returned within a day.
func (s *Service) FindExpiring(ctx context.Context) ([]access.KeyAttributes, error) {
	now := s.deps.Clock.Now()
	found := map[string]access.KeyAttributes{}
	window := scope.Window{Limit: page.MaxLimit}
	for more := true; more; {
		keys, err := s.deps.Keys.List(ctx, window)
		if err != nil {
			return nil, err
		}
		for _, key := range keys.Items {
			if a := key.Attributes(); a.Status(now) == access.KeyExpiring {
				found[a.ID] = a
			}
		}
		if more = keys.More; more {
			window.After = keys.Positions[len(keys.Positions)-1]
		}
	}
	return s.expire(found, now), nil
}

// expire records the keys that expire soon and returns those to warn of.
func (s *Service) expire(found map[string]access.KeyAttributes, now time.Time) []access.KeyAttributes {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.expiring.warned
	s.expiring = expiring{count: int64(len(found)), warned: map[string]time.Time{}}
	var list []access.KeyAttributes
	for id, a := range found {
		at, warned := before[id]
		if !warned || now.Sub(at) >= warnAgain {
			list, at = append(list, a), now
		}
		s.expiring.warned[id] = at
	}
	return list
}

// Conditions reports keys that expire soon.
func (s *Service) Conditions() []ports.Condition {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.expiring.count == 0 {
		return nil
	}
	return []ports.Condition{{
		Name: "keys_expiring", Count: s.expiring.count,
		Message: fmt.Sprintf("API keys expire within %d days; see their status in 'signalbox key list', and give them "+
			"another end with 'signalbox key update'.", access.ExpiryWarning/(24*time.Hour)),
	}}
}
