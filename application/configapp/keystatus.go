package configapp

import (
	"cmp"
	"context"
	"slices"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/ports"
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
	// without a key: First, or while a replica lacks that one the first that all have.
	Current string
	// First is the fingerprint of the first key of the ring.
	First string
	// Lacking are the replicas that do not have First.
	Lacking []ports.Replica
	// Keys are those that encrypt stored values, and the current one, by fingerprint.
	Keys []KeyCount
	// Unreadable counts values that no key of the ring opens.
	Unreadable int64
	// Unbound counts values without a MAC, which the next rotation binds to their rows.
	Unbound int64
	// Enforced says that values without a MAC are rejected.
	Enforced bool
}

// Status counts the stored tokens by their recorded keys. Those without one are read, and
// the keys of the ring are tried on each.
func (r *KeyRing) Status(ctx context.Context, by access.Caller) (KeyRingStatus, error) {
	if err := requireEncryption(by); err != nil {
		return KeyRingStatus{}, err
	}
	return r.status(ctx)
}

func (r *KeyRing) status(ctx context.Context) (KeyRingStatus, error) {
	current, serving, err := r.current(ctx)
	if err != nil {
		return KeyRingStatus{}, err
	}
	out := KeyRingStatus{Current: current}
	if ring := r.deps.Cipher.Fingerprints(); len(ring) > 0 {
		out.First = ring[0]
		out.Lacking = slices.DeleteFunc(serving, func(replica ports.Replica) bool {
			return slices.Contains(replica.Ring(), out.First)
		})
	}
	if out.Enforced, err = r.deps.Vault.Enforced(ctx); err != nil {
		return KeyRingStatus{}, err
	}
	return out, r.count(ctx, &out)
}

// count counts the stored values.
func (r *KeyRing) count(ctx context.Context, out *KeyRingStatus) error {
	uses, err := r.deps.Vault.Uses(ctx)
	if err != nil {
		return err
	}
	counts := map[string]int64{out.Current: 0}
	for _, use := range uses {
		counts[use.Key] += use.Tokens
		out.Unbound += use.Unbound
	}
	if counts[""] > 0 {
		delete(counts, "")
		if err := r.countUnrecorded(ctx, counts); err != nil {
			return err
		}
	}
	ring := r.deps.Cipher.Fingerprints()
	for fingerprint, n := range counts {
		if n > 0 && !slices.Contains(ring, fingerprint) {
			out.Unreadable += n
		}
		if fingerprint != "" {
			out.Keys = append(out.Keys, KeyCount{Fingerprint: fingerprint, Values: n})
		}
	}
	slices.SortFunc(out.Keys, func(a, b KeyCount) int { return cmp.Compare(a.Fingerprint, b.Fingerprint) })
	return nil
}

// countUnrecorded counts the tokens without a recorded key by the key that opens them, ""
// for none.
func (r *KeyRing) countUnrecorded(ctx context.Context, counts map[string]int64) error {
	after := configuration.TokenPlace{}
	for {
		list, err := r.deps.Vault.Stored(ctx, after, vaultBatch)
		if err != nil {
			return err
		}
		for _, stored := range list {
			if stored.Seal.Key == "" {
				counts[r.deps.Cipher.KeyOf(stored.Token)]++
			}
			after = stored.TokenPlace
		}
		if len(list) < vaultBatch {
			return nil
		}
	}
}
