package configapp

import (
	"context"
	"slices"
	"strings"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/audit"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/ports"
)

// KeyRing are the use cases of encryption keys. It is safe for concurrent use.
type KeyRing struct{ deps KeyRingDependencies }

// KeyRingDependencies is what the use cases need.
type KeyRingDependencies struct {
	Vault    configuration.Vault
	Cipher   ports.Cipher
	Canaries Canaries
	Trail    ports.AuditTrail
	Clock    ports.Clock
}

// NewKeyRing returns the use cases over their dependencies.
func NewKeyRing(d KeyRingDependencies) *KeyRing { return &KeyRing{deps: d} }

const (
	// VaultBatch bounds the tokens in memory.
	vaultBatch = 200
	// MaxRotated bounds the tokens that one Rotate examines.
	MaxRotated = 10_000
)

// KeyCount is how many stored values a key encrypts.
type KeyCount struct {
	Fingerprint string
	Values      int64
}

// KeyRingStatus says under which keys stored values are encrypted, current ones and those
// of histories.
type KeyRingStatus struct {
	// Current is the fingerprint of the key under which new values are encrypted, empty
	// without a key.
	Current string
	// Keys are those that encrypt stored values, and the current one, by fingerprint.
	Keys []KeyCount
	// Unreadable counts values that no key of the ring opens.
	Unreadable int64
}

// requireEncryption returns nil where the caller may manage the encryption keys.
func requireEncryption(by access.Caller) error {
	return by.Require(access.ManageEncryption, access.Resource{})
}

// Status reads all stored tokens.
func (r *KeyRing) Status(ctx context.Context, by access.Caller) (KeyRingStatus, error) {
	if err := requireEncryption(by); err != nil {
		return KeyRingStatus{}, err
	}
	return r.status(ctx)
}

func (r *KeyRing) status(ctx context.Context) (KeyRingStatus, error) {
	out := KeyRingStatus{Current: r.deps.Cipher.Fingerprint()}
	counts := map[string]int64{out.Current: 0}
	after := configuration.TokenPlace{}
	for {
		list, err := r.deps.Vault.Stored(ctx, after, vaultBatch)
		if err != nil {
			return KeyRingStatus{}, err
		}
		for _, stored := range list {
			counts[r.deps.Cipher.KeyOf(stored.Token)]++
			after = stored.TokenPlace
		}
		if len(list) < vaultBatch {
			break
		}
	}
	out.Unreadable = counts[""]
	delete(counts, "")
	for fingerprint, n := range counts {
		out.Keys = append(out.Keys, KeyCount{Fingerprint: fingerprint, Values: n})
	}
	slices.SortFunc(out.Keys, func(a, b KeyCount) int { return strings.Compare(a.Fingerprint, b.Fingerprint) })
	return out, nil
}

// Rotated is the output of Rotate.
type Rotated struct {
	// Examined and Rotated count stored values; Unreadable those that no key opens, which
	// stay as they are.
	Examined, Rotated, Unreadable int
	// Next is where the next Rotate continues; the zero place at the end.
	Next configuration.TokenPlace
}

// Rotate encrypts the values behind a place under the current key that are encrypted under
// another one, in states and histories. It examines at most limit, 1 to MaxRotated. Versions
// and times stay, and reads and writes go on meanwhile: at each moment each value can be
// read with the keys of the ring. It can be stopped, and begun again from the zero place.
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
	var out Rotated
	for out.Examined < limit {
		batch := min(vaultBatch, limit-out.Examined)
		list, err := r.deps.Vault.Stored(ctx, after, batch)
		if err == nil {
			err = r.rotateAll(ctx, list, &out)
		}
		if err != nil {
			return Rotated{}, err
		}
		if len(list) < batch {
			return out, r.note(ctx, by, "encryption.rotated", out.Rotated)
		}
		after = list[len(list)-1].TokenPlace
	}
	out.Next = after
	return out, r.note(ctx, by, "encryption.rotated", out.Rotated)
}

// rotateAll replaces the tokens of a batch that are not under the current key.
func (r *KeyRing) rotateAll(ctx context.Context, list []configuration.StoredToken, out *Rotated) error {
	var replacements []configuration.Replacement
	for _, stored := range list {
		out.Examined++
		switch r.deps.Cipher.KeyOf(stored.Token) {
		case r.deps.Cipher.Fingerprint():
			continue
		case "":
			out.Unreadable++
			continue
		}
		text, err := r.deps.Cipher.Decrypt(ctx, stored.Token)
		if err != nil {
			return err
		}
		token, err := r.deps.Cipher.Encrypt(ctx, text)
		if err != nil {
			return err
		}
		replacements = append(replacements, configuration.Replacement{StoredToken: stored, With: token})
	}
	if len(replacements) == 0 {
		return nil
	}
	n, err := r.deps.Vault.Replace(ctx, replacements)
	out.Rotated += n
	return err
}

// ErrKeyInUse is an encryption key that cannot be retired.
var ErrKeyInUse = fault.New(fault.Conflict, "encryption_key_in_use",
	"Values are encrypted under this key, or it is the current one. Run 'signalbox encryption rotate' first.")

// Retire says that a key is no longer used: a start with this key alone is rejected from
// then on. The current key, and one under which a value is still encrypted, is ErrKeyInUse;
// so is any key while some value cannot be read.
func (r *KeyRing) Retire(ctx context.Context, by access.Caller, fingerprint string) error {
	status, err := r.Status(ctx, by)
	if err != nil {
		return err
	}
	used := func(k KeyCount) bool { return k.Fingerprint == fingerprint }
	if slices.ContainsFunc(status.Keys, used) || status.Unreadable > 0 {
		return ErrKeyInUse
	}
	if err := r.deps.Canaries.Forget(ctx, canaryKind, fingerprint); err != nil {
		return err
	}
	return r.note(ctx, by, "encryption.retired "+fingerprint, 1)
}

// note records what was done in the audit log.
func (r *KeyRing) note(ctx context.Context, by access.Caller, action string, count int) error {
	if count == 0 {
		return nil
	}
	action, name, _ := strings.Cut(action, " ")
	return r.deps.Trail.Add(ctx, audit.Record{
		At: r.deps.Clock.Now(), Actor: by.Actor, Source: by.Source(), RequestID: by.RequestID, Action: action,
		Outcome: audit.Done, Count: int64(count), Resource: audit.Resource{Type: "encryption_key", Name: name},
	})
}
