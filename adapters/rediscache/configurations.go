package rediscache

import (
	"bytes"
	"encoding/json"
	"errors"
	"time"

	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/ports"
)

// errOther is a value of another key, or one that breaks a rule.
var errOther = errors.New("the value is not of this key")

// lifecycleJSON is a scope.Lifecycle; the version is in the entry, too.
type lifecycleJSON struct {
	ID          int64     `json:"id"`
	Description *string   `json:"description,omitempty"`
	Version     int64     `json:"version"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
	UpdatedBy   string    `json:"updated_by,omitempty"`
	UpdatedKey  string    `json:"updated_by_key,omitempty"`
	Deleted     bool      `json:"deleted,omitempty"`
}

func lifecycleOf(id int64, d scope.Description, l scope.Lifecycle) lifecycleJSON {
	j := lifecycleJSON{
		ID: id, Version: int64(l.Version), CreatedAt: l.CreatedAt, UpdatedAt: l.UpdatedAt,
		UpdatedBy: l.UpdatedBy.Name, UpdatedKey: l.UpdatedBy.KeyID, Deleted: l.Deleted,
	}
	if text, given := d.Text(); given {
		j.Description = &text
	}
	return j
}

func (j *lifecycleJSON) lifecycle(event string) scope.Lifecycle {
	return scope.Lifecycle{
		Event:   event,
		Version: scope.Version(j.Version), CreatedAt: j.CreatedAt, UpdatedAt: j.UpdatedAt,
		UpdatedBy: scope.Actor{KeyID: j.UpdatedKey, Name: j.UpdatedBy}, Deleted: j.Deleted,
	}
}

func (j *lifecycleJSON) description() (scope.Description, error) {
	if j.Description == nil {
		return scope.Description{}, nil
	}
	return scope.ParseDescription(*j.Description)
}

// configurationJSON is a configuration in Redis: encrypted ones as tokens, deleted ones
// without content.
type configurationJSON struct {
	lifecycleJSON

	Environment string `json:"environment"`
	Service     string `json:"service_name"`
	Key         string `json:"key"`
	Value       string `json:"value"`
	Encrypted   bool   `json:"is_encrypted,omitempty"`
	TokenKey    string `json:"token_key,omitempty"`
	TokenMAC    string `json:"token_mac,omitempty"`
}

// Configurations caches configurations under config:{environment}:{service}:{key},
// for about a lifetime.
func (c *Cache) Configurations(
	lifetime time.Duration,
) ports.SharedCache[configuration.Locator, configuration.State] {
	return &shared[configuration.Locator, configuration.State]{
		Cache: c, lifetime: lifetime,
		key: func(l configuration.Locator) string {
			return "config:" + l.Environment + ":" + l.Service + ":" + l.Key
		},
		encode: encodeConfiguration, decode: decodeConfiguration,
		event: func(s configuration.State) string { return s.Event },
	}
}

func encodeConfiguration(s configuration.State) ([]byte, error) {
	key := s.Identity.Locator()
	j := configurationJSON{
		lifecycleJSON: lifecycleOf(int64(s.ID), s.Description, s.Lifecycle),
		Environment:   key.Environment, Service: key.Service, Key: key.Key,
	}
	if !s.Deleted {
		j.Value, j.Encrypted = s.Content.Stored().Reveal(), s.Content.Encrypted()
		seal := s.Content.Seal()
		j.TokenKey, j.TokenMAC = seal.Key, seal.MAC
	}
	return marshal(j)
}

// marshal returns the JSON of a value without escapes that only HTML needs: what is JSON
// already stays as it is.
func marshal(v any) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), nil
}

func decodeConfiguration(key configuration.Locator, event string, body []byte) (configuration.State, error) {
	var j configurationJSON
	if err := json.Unmarshal(body, &j); err != nil {
		return configuration.State{}, err
	}
	identity, identityErr := key.Parse()
	description, descriptionErr := j.description()
	if err := errors.Join(identityErr, descriptionErr); err != nil {
		return configuration.State{}, err
	}
	if (configuration.Locator{Environment: j.Environment, Service: j.Service, Key: j.Key}) != key {
		return configuration.State{}, errOther
	}
	s := configuration.State{
		ID: configuration.ID(j.ID), Identity: identity, Description: description, Lifecycle: j.lifecycle(event),
	}
	if !j.Deleted {
		s.Content = j.content()
	}
	return s, nil
}

func (j *configurationJSON) content() configuration.Content {
	if !j.Encrypted {
		return configuration.RehydrateContent(j.Value, false)
	}
	seal := configuration.Seal{Key: j.TokenKey, MAC: j.TokenMAC}
	return configuration.RehydrateSealed(j.Value, seal, configuration.Version(j.Version))
}
