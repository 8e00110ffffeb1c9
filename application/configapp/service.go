package configapp

import (
	"sync/atomic"
	"time"

	"github.com/signalbox-hq/signalbox/application/change"
	"github.com/signalbox-hq/signalbox/application/readthrough"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/secret"
	"github.com/signalbox-hq/signalbox/ports"
)

// Dependencies is what the use cases need.
type Dependencies struct {
	Configurations configuration.Repository
	History        configuration.History
	Cipher         ports.KeyRing
	Enforcement    Enforcement
	// Memory caches the configurations that are read most.
	Memory ports.LocalCache[configuration.Locator, *Entry]
	// Shared is nil where replicas share nothing; its values live for Lifetime at most.
	Shared       ports.SharedCache[configuration.Locator, configuration.State]
	Lifetime     time.Duration
	Feed         readthrough.Feed
	Stopwatch    ports.Stopwatch
	Clock        ports.Clock
	Backoff      ports.Backoff
	Environments scope.Environments
	// Reveals are recorded before a value is shown.
	Reveals Reveals
}

// Reveals records that values of encrypted configurations are shown.
type Reveals interface {
	// Revealed returns an error where it cannot be recorded: the value is not to be shown.
	Revealed(by access.Caller, resource access.Resource, version int64) error
	// Tampered records that a value was not shown, because its token belongs elsewhere.
	Tampered(by access.Caller, resource access.Resource, version int64)
}

// Service offers the use cases. It is safe for concurrent use.
type Service struct {
	deps    Dependencies
	binding *binding
	writer  change.Writer[configuration.ID, *configuration.Configuration]
	cache   *readthrough.Cache[configuration.Locator, configuration.State]
}

// New returns the use cases over their dependencies.
func New(d Dependencies) *Service {
	s := &Service{deps: d, cache: readthrough.New(readthrough.Options[configuration.Locator, configuration.State]{
		Local: d.Memory, Shared: onlyReadable(d.Shared, d.Cipher), Lifetime: d.Lifetime, Feed: d.Feed,
		Stopwatch: d.Stopwatch,
		Size:      size, Event: func(s configuration.State) string { return s.Event },
	})}
	s.binding = &binding{ring: d.Cipher, enforcement: d.Enforcement, stopwatch: d.Stopwatch}
	s.writer = change.Writer[configuration.ID, *configuration.Configuration]{
		Find: d.Configurations.Find, Save: s.save, Backoff: d.Backoff,
		Action: access.WriteConfiguration, Sight: access.ReadConfiguration, NotFound: configuration.ErrNotFound,
		Resource: func(c *configuration.Configuration) access.Resource { return resourceOf(c.Identity()) },
	}
	return s
}

// View is a configuration for one caller.
type View struct {
	configuration.State
	// Prepared caches the response for callers without the right to reveal. It is nil where
	// the view is not cached.
	Prepared *atomic.Pointer[ports.Representation]
	// Stale is its maximum age while the store is unavailable; else 0.
	Stale    time.Duration
	revealed secret.Text
	opened   bool
}

// Value returns the value, which is empty where the caller does not want it (Read.Unsent), or
// false where it is encrypted and not revealed, or damaged.
func (v View) Value() (secret.Text, bool) {
	if v.Damaged {
		return secret.Text{}, false
	}
	if v.Content.Encrypted() {
		return v.revealed, v.opened
	}
	return v.Content.Stored(), true
}

func resourceOf(i configuration.Identity) access.Resource {
	return access.Resource{Environment: i.Environment, Service: i.Service, Name: i.Key.String()}
}

// parseIdentity parses the three parts and names every invalid one.
func (s *Service) parseIdentity(environment, service, key string) (configuration.Identity, error) {
	k, keyErr := configuration.ParseKey(key)
	e, envErr := s.deps.Environments.Parse(environment)
	n, svcErr := scope.ParseServiceName(service)
	return configuration.Identity{Environment: e, Service: n, Key: k}, fault.Merge(keyErr, envErr, svcErr)
}

func parseDescription(text *string) (configuration.Description, error) {
	if text == nil {
		return configuration.Description{}, nil
	}
	return configuration.ParseDescription(*text)
}
