package rediscache

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/ports"
)

// flagJSON is a flag in Redis.
type flagJSON struct {
	lifecycleJSON

	Environment string `json:"environment"`
	Name        string `json:"name"`
	// Definition is the flag's JSON, byte for byte.
	Definition json.RawMessage `json:"definition"`
}

// Flags caches flags under feature_flag:{name}:{environment}, for about a lifetime.
func (c *Cache) Flags(lifetime time.Duration) ports.SharedCache[flag.Locator, flag.State] {
	return &shared[flag.Locator, flag.State]{
		Cache: c, lifetime: lifetime,
		key:    func(l flag.Locator) string { return "feature_flag:" + l.Name + ":" + l.Environment },
		encode: encodeFlag, decode: decodeFlag,
		event: func(s flag.State) string { return s.Event },
	}
}

func encodeFlag(s flag.State) ([]byte, error) {
	key := s.Identity.Locator()
	return marshal(flagJSON{
		lifecycleJSON: lifecycleOf(int64(s.ID), s.Description, s.Lifecycle),
		Environment:   key.Environment, Name: key.Name, Definition: json.RawMessage(s.Definition.JSON()),
	})
}

func decodeFlag(key flag.Locator, event string, body []byte) (flag.State, error) {
	var j flagJSON
	if err := json.Unmarshal(body, &j); err != nil {
		return flag.State{}, err
	}
	identity, identityErr := key.Parse()
	description, descriptionErr := j.description()
	definition, definitionErr := flag.RehydrateDefinition(j.Definition)
	if err := errors.Join(identityErr, descriptionErr, definitionErr); err != nil {
		return flag.State{}, err
	}
	if (flag.Locator{Environment: j.Environment, Name: j.Name}) != key {
		return flag.State{}, errOther
	}
	return flag.State{
		ID: flag.ID(j.ID), Identity: identity, Lifecycle: j.lifecycle(event),
		Draft: flag.Draft{Description: description, Definition: definition},
	}, nil
}
