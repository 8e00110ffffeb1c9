package configapp

import (
	"context"
	"crypto/hmac"
	"sync/atomic"
	"time"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/ports"
)

// enforcedAge is how old the knowledge may be that tokens without a MAC pass.
const enforcedAge = time.Second

// Enforcement says whether tokens without a MAC are rejected. Once they are, it stays so.
type Enforcement interface {
	Enforced(ctx context.Context) (bool, error)
}

// binding binds tokens to their owners, and verifies that they are bound. It is safe for
// concurrent use.
type binding struct {
	ring        ports.KeyRing
	enforcement Enforcement
	stopwatch   ports.Stopwatch
	enforced    atomic.Bool
	// checked is when it was last loaded whether tokens have to be bound, by the stopwatch; 0
	// before the first time.
	checked atomic.Int64
}

// mustBeBound reports whether tokens without a MAC are rejected, as of a second ago. While
// the store is unavailable it is what was known before.
func (b *binding) mustBeBound(ctx context.Context) bool {
	if b.enforced.Load() {
		return true
	}
	now := int64(b.stopwatch.Elapsed()) + 1
	if checked := b.checked.Load(); checked > 0 && now-checked < int64(enforcedAge) {
		return false
	}
	enforced, err := b.enforcement.Enforced(ctx)
	if err != nil {
		return false
	}
	b.checked.Store(now)
	if enforced {
		b.enforced.Store(true)
	}
	return enforced
}

// verify returns nil where content belongs to its owner: it is not encrypted, or new, or has
// the MAC of its owner, or has none and needs none. Else it is ErrTokenTampered, or
// ErrDecryptionFailed where the ring does not have its key.
func (b *binding) verify(ctx context.Context, c configuration.Content, owner configuration.Owner) error {
	if !c.Encrypted() || c.New() {
		return nil
	}
	seal := c.Seal()
	if seal.MAC == "" {
		if b.mustBeBound(ctx) {
			return ports.ErrTokenTampered
		}
		return nil
	}
	return verifyMAC(b.ring, c.Stored().Reveal(), seal, owner)
}

// verifyMAC returns nil where a seal is that of a token and its owner, else ErrTokenTampered,
// or ErrDecryptionFailed where the ring does not have its key.
func verifyMAC(ring ports.KeyRing, token string, seal configuration.Seal, owner configuration.Owner) error {
	mac := ring.MAC(seal.Key, owner.Binding(token))
	switch {
	case mac == "":
		return ports.ErrDecryptionFailed
	case !hmac.Equal([]byte(mac), []byte(seal.MAC)):
		return ports.ErrTokenTampered
	}
	return nil
}

// binder returns the Binder of a write. A token that does not belong where it was stored is
// left as it is, so that it does not belong to the new version either.
func (b *binding) binder(ctx context.Context) configuration.Binder {
	return func(c configuration.Content, owner configuration.Owner) configuration.Content {
		from := configuration.Owner{Identity: owner.Identity, Version: c.Of()}
		if !c.Encrypted() || b.verify(ctx, c, from) != nil {
			return c
		}
		seal := b.sealOf(c.Stored().Reveal(), c.Seal().Key, owner)
		if seal == (configuration.Seal{}) {
			return c
		}
		return c.Bound(seal, owner.Version)
	}
}

// sealOf returns the seal that binds a token to an owner. Where the token's key is not known
// each one of the ring is tried; where none opens it there is no seal.
func (b *binding) sealOf(token, key string, owner configuration.Owner) configuration.Seal {
	if key == "" {
		key = b.ring.KeyOf(token)
	}
	return sealUnder(b.ring, key, token, owner)
}

// sealUnder returns the seal under a key, none where the ring does not have it.
func sealUnder(ring ports.KeyRing, key, token string, owner configuration.Owner) configuration.Seal {
	mac := ring.MAC(key, owner.Binding(token))
	if mac == "" {
		return configuration.Seal{}
	}
	return configuration.Seal{Key: key, MAC: mac}
}

// verified is verify for a caller: a tampered token is recorded.
func (s *Service) verified(ctx context.Context, by access.Caller, state configuration.State) error {
	err := s.binding.verify(ctx, state.Content, ownerOf(state))
	return s.noted(by, state, unopened(state, err))
}

func ownerOf(state configuration.State) configuration.Owner {
	return configuration.Owner{Identity: state.Identity, Version: state.Version}
}
