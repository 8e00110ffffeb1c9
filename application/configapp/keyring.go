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
	"github.com/signalbox-hq/signalbox/ports/failpoint"
)

// KeyRing are the use cases of encryption keys. It is safe for concurrent use.
type KeyRing struct{ deps KeyRingDependencies }

// KeyRingDependencies is what the use cases need.
type KeyRingDependencies struct {
	Vault    configuration.Vault
	Cipher   ports.KeyRing
	Canaries Canaries
	Replicas Serving
	Trail    ports.AuditTrail
	Clock    ports.Clock
	Backoff  ports.Backoff
}

// Serving returns the replicas that serve, as ports.Replicas does.
type Serving interface {
	Serving(ctx context.Context) ([]ports.Replica, error)
}

// NewKeyRing returns the use cases over their dependencies.
func NewKeyRing(d KeyRingDependencies) *KeyRing { return &KeyRing{deps: d} }

// requireEncryption returns nil where the caller may manage the encryption keys.
func requireEncryption(by access.Caller) error {
	return by.Require(access.ManageEncryption, access.Resource{})
}

// current returns the key under which values are to be encrypted now, and the replicas that
// serve.
func (r *KeyRing) current(ctx context.Context) (string, []ports.Replica, error) {
	serving, err := r.deps.Replicas.Serving(ctx)
	if err != nil {
		return "", nil, err
	}
	rings := make([][]string, len(serving))
	for i, replica := range serving {
		rings[i] = replica.Ring()
	}
	return configuration.CurrentKey(r.deps.Cipher.Fingerprints(), rings), serving, nil
}

// ErrKeyInUse is an encryption key that cannot be retired.
var ErrKeyInUse = fault.New(fault.Conflict, "encryption_key_in_use",
	"Values are encrypted under this key, or it is the current one. Run 'signalbox encryption rotate' first.")

// Retire says that a key is no longer used: a start with this key alone is rejected from
// then on. The first and the current key, one under which a replica encrypts, and one under
// which a value is still encrypted, is ErrKeyInUse; so is any key while some value cannot be
// read.
func (r *KeyRing) Retire(ctx context.Context, by access.Caller, fingerprint string) error {
	if err := requireEncryption(by); err != nil {
		return err
	}
	_, serving, err := r.current(ctx)
	if err != nil {
		return err
	}
	encrypts := func(replica ports.Replica) bool { return replica.Current == fingerprint }
	if slices.ContainsFunc(serving, encrypts) {
		return ErrKeyInUse
	}
	status, err := r.status(ctx)
	if err != nil {
		return err
	}
	failpoint.Hit("retirement-counted")
	used := func(k KeyCount) bool { return k.Fingerprint == fingerprint }
	if slices.ContainsFunc(status.Keys, used) || status.Unreadable > 0 || fingerprint == status.First {
		return ErrKeyInUse
	}
	if err := r.deps.Canaries.Forget(ctx, canaryKind, fingerprint); err != nil {
		return err
	}
	failpoint.Hit("key-forgotten")
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
