// Package rollout is the arithmetic of shares: a million buckets, the bucket of a key,
// and the division of the buckets between variants, so that a change moves the fewest
// keys.
//
// It knows nothing of flags, rules or contexts.
package rollout
