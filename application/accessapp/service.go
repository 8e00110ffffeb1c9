package accessapp

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/access/trust"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/secret"
	"github.com/signalbox-hq/signalbox/ports"
)

// Policy is what this installation requires of its callers.
type Policy struct {
	// Enabled is false where everybody may do everything.
	Enabled bool
	// AnonymousReads allows callers without a key to read what is not encrypted.
	AnonymousReads bool
	// Added are the actions of modules that domain/access does not know.
	Added []access.Added
	// Environments are those that grants can name.
	Environments scope.Environments
	// MaxSessions is how many sessions may be open, of one key half as many;
	// DefaultSessions if it is 0.
	MaxSessions int
}

// DefaultSessions bounds open sessions where the policy sets no bound.
const DefaultSessions = 10_000

// Dependencies is what the use cases need.
type Dependencies struct {
	Keys access.Keys
	// Uses stores when keys were last used; nil where nothing does.
	Uses access.KeyUses
	// Trust is what is trusted beside keys, and Tokens verifies what it is about; nil where no
	// tokens are accepted.
	Trust  trust.Store
	Tokens trust.Verifier
	// Logins notes tokens that are accepted in place of keys; nil where nothing does.
	Logins Logins

	Clock ports.Clock
	IDs   ports.IDs
	// Pepper is the server's secret, or empty for the one in Keys.
	Pepper secret.Text
	Policy Policy
}

// Logins notes logins for the audit log, off the path of requests.
type Logins interface {
	// LoggedIn notes that a token was verified, by which a caller acts from now on.
	LoggedIn(by scope.Actor, login access.Login)
}

// Service offers the use cases. It is safe for concurrent use.
type Service struct {
	deps     Dependencies
	sessions sessions

	mu      sync.Mutex
	pepper  secret.Text
	known   map[string]knownKey
	lookups map[string]*lookup
	passes  map[access.Pass]string
	// uses are those since the last RecordUses.
	uses     map[string]time.Time
	expiring expiring
	trusted  trusted
	// direct are verified tokens of issuers that are trusted directly, by access.DirectID.
	direct map[string]*directToken
	logins logins
	// unknowns are ids that are not in known.
	unknowns unknowns
	changes  changes
	// paused is until when callers with a cached key do not wait for the store.
	paused time.Time
}

// knownKey is a cached key with the time of its reading. One read in the future, because
// the clock was set back, is ignored.
type knownKey struct {
	key  *access.APIKey
	read time.Time
	// verified is the token that was verified last; nil for none.
	verified *verified
}

// verified is a token that opens a key. It does not change.
type verified struct {
	// digest is of the token, until when it opens the key, zero for ever.
	digest [sha256.Size]byte
	until  time.Time
	caller access.Caller
}

// within reports whether the key was read at most that long ago.
func (k knownKey) within(limit time.Duration, now time.Time) bool {
	age := now.Sub(k.read)
	return k.key != nil && 0 <= age && age < limit
}

// New returns the use cases over their dependencies.
func New(d Dependencies) *Service {
	if d.Policy.MaxSessions == 0 {
		d.Policy.MaxSessions = DefaultSessions
	}
	return &Service{
		deps: d, pepper: d.Pepper,
		known: map[string]knownKey{}, lookups: map[string]*lookup{}, uses: map[string]time.Time{},
		sessions: newSessions(d.Policy.MaxSessions), changes: newChanges(),
	}
}

// Prepare loads the server's secret, so that no request waits for it.
func (s *Service) Prepare(ctx context.Context) error {
	_, err := s.serverSecret(ctx)
	return err
}

// serverSecret returns the pepper, which is loaded once.
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
