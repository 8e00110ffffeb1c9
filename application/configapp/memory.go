package configapp

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/signalbox-hq/signalbox/application/readthrough"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/ports"
)

// Entry is a cached configuration.
type Entry = readthrough.Entry[configuration.State]

// size is about how many bytes a cached state takes, with its prepared response.
func size(s configuration.State) int {
	description, _ := s.Description.Text()
	return 3*len(s.Content.Stored().Reveal()) + 2*len(description)
}

// Apply invalidates changed configurations; all where a change does not name one.
func (s *Service) Apply(_ context.Context, changes []ports.Change) error {
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
		s.memory.Changed(at, c.AggregateVersion, c.Revision, c.EventID)
	}
	return nil
}

// Resync invalidates all configurations.
func (s *Service) Resync(context.Context) error {
	s.memory.Clear()
	return nil
}

// loader queries the store for a configuration.
func (s *Service) loader(identity configuration.Identity) readthrough.Loader[configuration.State] {
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
