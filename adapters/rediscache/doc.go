// Package rediscache keeps leases, readings and members in Redis, for replicas
// that share one; shows services to those who read Redis themselves; and shares what
// was read from the store.
//
// All time is Redis' own, taken inside its scripts, and no lease depends on the
// expiry of a key. It is not for a cluster of shards: scripts touch keys of
// several slots.
//
// A Store is for what has to be known, and fails when Redis does. A Cache is for what
// can be asked elsewhere: it never fails, and leaves a Redis that is ill alone.
package rediscache
