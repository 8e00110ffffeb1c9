// Package rollout is the arithmetic of shares: a million buckets, which
// of them a key falls into, and how they are divided between variants so that a
// change moves the fewest possible keys.
//
// It knows nothing of flags, rules or contexts.
package rollout
