package accessapp

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/secret"
	"github.com/signalbox-hq/signalbox/ports"
)

// Policy is what this installation asks of its callers.
type Policy struct {
	// Enabled is false where everybody may do everything.
	Enabled bool
	// AnonymousReads lets callers without a key read what is not encrypted.
	AnonymousReads bool
}

// Dependencies is what the use cases need.
type Dependencies struct {
	Keys  access.Keys
	Clock ports.Clock
	IDs   ports.IDs
	// Pepper is the server's secret, or empty for the one that Keys holds.
	Pepper secret.Text
	Policy Policy
}

// Service offers the use cases. It is safe for concurrent use.
type Service struct {
	deps Dependencies

	mu     sync.Mutex
	pepper secret.Text
	known  map[string]knownKey
	passes map[access.Pass]string
	// resting is until when the store is left alone for keys that are known.
	resting time.Time
}

// knownKey is a key as it was read at that time. One that was read in the future,
// because the clock was set back, is not believed.
type knownKey struct {
	key  *access.APIKey
	read time.Time
	// digest is of the token that opened the key last, and caller who it let in;
	// the zero digest is of none.
	digest [sha256.Size]byte
	caller access.Caller
}

// New returns the use cases over their dependencies.
func New(d Dependencies) *Service {
	return &Service{deps: d, pepper: d.Pepper, known: map[string]knownKey{}}
}

// Prepare loads the server's secret, so that nobody has to wait for the store to have
// it.
func (s *Service) Prepare(ctx context.Context) error {
	_, err := s.serverSecret(ctx)
	return err
}

// serverSecret returns the pepper, asking the store for it once.
func (s *Service) serverSecret(ctx context.Context) (secret.Text, error) {
	s.mu.Lock()
	pepper := s.pepper
	s.mu.Unlock()
	if !pepper.IsZero() {
		return pepper, nil
	}
	pepper, err := s.deps.Keys.Pepper(ctx, secret.New(s.deps.IDs.Base62(pepperLength)))
	if err != nil {
		return secret.Text{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pepper = pepper
	return pepper, nil
}

// pepperLength in base62 digits is a little over 256 bits.
const pepperLength = 43
