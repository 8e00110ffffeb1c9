package configapp

import (
	"context"
	"errors"
	"slices"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/ports/failpoint"
)

const (
	// VaultBatch bounds the tokens in memory.
	vaultBatch = 200
	// MaxReplaceAttempts bounds the attempts to replace a batch beside other writers.
	maxReplaceAttempts = 16
	// MaxRotated bounds the tokens that one Rotate examines.
	MaxRotated = 10_000
)

// Rotated is the output of Rotate.
type Rotated struct {
	// Current is the fingerprint of the key under which values are encrypted now.
	Current string
	// Examined and Rotated count stored values, and Bound those that had no MAC before.
	Examined, Rotated, Bound int
	// Unreadable counts those that no key opens, and Tampered those that do not belong to
	// their rows. Both stay as they are.
	Unreadable, Tampered int
	// Next is where the next Rotate continues; the zero place at the end.
	Next configuration.TokenPlace
}

// Rotate encrypts the values behind a place under the current key that are encrypted under
// another one, in states and histories, and binds those to their rows that are not bound yet.
// It examines at most limit, 1 to MaxRotated. Versions and times stay, and reads and writes go
// on meanwhile: at each moment each value can be read with the keys of the ring. It can be
// stopped, and begun again from the zero place.
//
// At the end, when all values are bound and every replica binds what it writes, values that
// are not bound are rejected from then on.
func (r *KeyRing) Rotate(
	ctx context.Context, by access.Caller, after configuration.TokenPlace, limit int,
) (Rotated, error) {
	if err := requireEncryption(by); err != nil {
		return Rotated{}, err
	}
	if limit < 1 || limit > MaxRotated {
		return Rotated{}, fault.Bad("limit", "must be between 1 and 10000")
	}
	if r.deps.Cipher.Fingerprint() == "" {
		return Rotated{}, ports.ErrEncryptionUnavailable
	}
	current, serving, err := r.current(ctx)
	if err != nil {
		return Rotated{}, err
	}
	failpoint.Hit("rings-compared")
	enforced, err := r.deps.Vault.Enforced(ctx)
	if err != nil {
		return Rotated{}, err
	}
	failpoint.Hit("rotation-begun")
	w := walk{ring: r, enforced: enforced, out: Rotated{Current: current}}
	if err := w.run(ctx, after, limit); err != nil {
		return Rotated{}, err
	}
	failpoint.Hit("rotation-walked")
	if w.out.Next == (configuration.TokenPlace{}) && !enforced {
		if err := r.enforce(ctx, serving); err != nil {
			return Rotated{}, err
		}
	}
	err = r.note(ctx, by, "encryption.rotated", w.out.Rotated+w.out.Bound)
	failpoint.Hit("rotation-noted")
	return w.out, err
}

// enforce makes values without a MAC be rejected, unless there are any, or a replica may
// write some.
func (r *KeyRing) enforce(ctx context.Context, serving []ports.Replica) error {
	if slices.ContainsFunc(serving, func(replica ports.Replica) bool { return replica.Keys == "" }) {
		return nil
	}
	uses, err := r.deps.Vault.Uses(ctx)
	failpoint.Hit("rotation-counted")
	if err != nil || slices.ContainsFunc(uses, func(u configuration.KeyUse) bool { return u.Unbound > 0 }) {
		return err
	}
	err = r.deps.Vault.Enforce(ctx)
	failpoint.Hit("binding-enforced")
	return err
}

// walk is one Rotate.
type walk struct {
	ring *KeyRing
	// enforced says that tokens without a MAC are tampered.
	enforced bool
	out      Rotated
}

// run examines the tokens behind a place.
func (w *walk) run(ctx context.Context, after configuration.TokenPlace, limit int) error {
	for w.out.Examined < limit {
		batch := min(vaultBatch, limit-w.out.Examined)
		list, err := w.ring.deps.Vault.Stored(ctx, after, batch)
		failpoint.Hit("batch-read")
		if err == nil {
			err = w.replace(ctx, list)
		}
		if err != nil {
			return err
		}
		if len(list) < batch {
			return nil
		}
		after = list[len(list)-1].TokenPlace
	}
	w.out.Next = after
	failpoint.Hit("rotation-paused")
	return nil
}

// replace replaces the tokens of a batch that are not under the current key, or not bound.
func (w *walk) replace(ctx context.Context, list []configuration.StoredToken) error {
	var rotated, bound []configuration.Replacement
	for _, stored := range list {
		w.out.Examined++
		replacement, err := w.replacement(ctx, stored)
		switch {
		case errors.Is(err, ports.ErrDecryptionFailed):
			w.out.Unreadable++
		case errors.Is(err, ports.ErrTokenTampered):
			w.out.Tampered++
		case err != nil:
			return err
		case replacement.With != stored.Token:
			rotated = append(rotated, replacement)
		case replacement.Under != stored.Seal:
			bound = append(bound, replacement)
		}
	}
	failpoint.Hit("batch-encrypted")
	n, err := w.replaceAll(ctx, rotated)
	w.out.Rotated += n
	if err != nil {
		return err
	}
	n, err = w.replaceAll(ctx, bound)
	w.out.Bound += n
	return err
}

func (w *walk) replaceAll(ctx context.Context, list []configuration.Replacement) (int, error) {
	if len(list) == 0 {
		return 0, nil
	}
	for attempt := 1; ; attempt++ {
		n, err := w.ring.deps.Vault.Replace(ctx, list)
		if !errors.Is(err, fault.ErrContended) || attempt == maxReplaceAttempts {
			failpoint.Hit("batch-replaced")
			return n, err
		}
		if waitErr := w.ring.deps.Backoff.Wait(ctx, attempt); waitErr != nil {
			return 0, errors.Join(err, waitErr)
		}
	}
}

// replacement returns a token of the same value under the current key, bound to its owner: the
// stored token itself where it is under that key. A token that no key opens is
// ErrDecryptionFailed, one that does not belong to its owner ErrTokenTampered.
func (w *walk) replacement(
	ctx context.Context, stored configuration.StoredToken,
) (configuration.Replacement, error) {
	none := configuration.Replacement{}
	key, err := w.keyOf(stored)
	if err != nil {
		return none, err
	}
	failpoint.Hit("token-verified")
	token := stored.Token
	if key != w.out.Current {
		text, err := w.ring.deps.Cipher.Decrypt(ctx, token)
		if err != nil {
			return none, err
		}
		failpoint.Hit("token-decrypted")
		key = w.out.Current
		if token, err = w.ring.deps.Cipher.EncryptUnder(ctx, key, text); err != nil {
			return none, err
		}
		failpoint.Hit("token-encrypted")
	}
	seal := sealUnder(w.ring.deps.Cipher, key, token, stored.Owner)
	failpoint.Hit("token-bound")
	return configuration.Replacement{StoredToken: stored, With: token, Under: seal}, nil
}

// keyOf returns the fingerprint of a token's key, after it was verified that the token belongs
// to its owner.
func (w *walk) keyOf(stored configuration.StoredToken) (string, error) {
	ring := w.ring.deps.Cipher
	if stored.Seal.MAC != "" {
		return stored.Seal.Key, verifyMAC(ring, stored.Token, stored.Seal, stored.Owner)
	}
	if w.enforced {
		return "", ports.ErrTokenTampered
	}
	key := ring.KeyOf(stored.Token)
	if key == "" {
		return "", ports.ErrDecryptionFailed
	}
	return key, nil
}
