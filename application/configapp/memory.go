package configapp

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/signalbox-hq/signalbox/application/readthrough"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/ports"
)

// Held is what is known of a place.
type Held = readthrough.Held[configuration.State]

// Freshness tells how old what is in memory may be, as relay.Tail does.
type Freshness = readthrough.Freshness

// size is about how much memory is used for a state, with what is prepared of it.
func size(s configuration.State) int {
	description, _ := s.Description.Text()
	return 3*len(s.Content.Stored().Reveal()) + 2*len(description)
}

// Follow lets go of what was changed; of everything where a change does not say what.
func (s *Service) Follow(_ context.Context, changes []ports.Change) error {
	for _, c := range changes {
		if c.AggregateType != configuration.AggregateType {
			continue
		}
		var data struct {
			Key string `json:"key"`
		}
		if json.Unmarshal(c.Data, &data) != nil || data.Key == "" || c.AggregateVersion < 1 {
			s.memory.Clear()
			continue
		}
		at := configuration.Locator{Environment: c.Environment, Service: c.ServiceName, Key: data.Key}
		s.memory.Told(at, c.AggregateVersion, c.Revision, c.EventID)
	}
	return nil
}

// Renew lets go of all.
func (s *Service) Renew(context.Context) error {
	s.memory.Clear()
	return nil
}

// ask asks the store what stands.
func (s *Service) ask(identity configuration.Identity) readthrough.Load[configuration.State] {
	return func(ctx context.Context) (configuration.State, int64, error) {
		c, err := s.deps.Configurations.FindByIdentity(ctx, identity)
		if errors.Is(err, configuration.ErrNotFound) {
			return configuration.State{Identity: identity}, 0, nil
		}
		if err != nil {
			return configuration.State{}, 0, err
		}
		return c.State(), int64(c.Version()), c.Damage()
	}
}
