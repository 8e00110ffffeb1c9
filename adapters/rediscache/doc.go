// Package rediscache keeps leases, readings and members in Redis, for replicas
// that share one; and shows services to those who read Redis themselves.
//
// All time is Redis' own, taken inside its scripts, and no lease depends on the
// expiry of a key. It is not for a cluster of shards: scripts touch keys of
// several slots.
package rediscache
