// Package readthrough reads single values: from local memory while that is fresh, else
// from the cache that replicas share, else from the store; and, while the store is
// unavailable, from whichever has the value, with its age.
//
// A local value is at least as new as the replica's position in the change feed.
// Versions of a key only grow: of two values the one with the higher version is newer,
// and values older than the highest known version are rejected as stale.
package readthrough
