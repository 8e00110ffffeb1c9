// Package rediscache stores leases, readings and members in Redis for all replicas,
// projects services for direct readers of Redis, and has the shared cache of single
// values.
//
// All time is Redis' own, read inside its scripts, and no lease depends on the expiry of
// a key. It does not support Redis Cluster: scripts use keys of several hash slots.
//
// A Store is authoritative, and fails when Redis does. A Cache never fails: its values can
// be read from the database, and a circuit breaker bypasses a failing Redis.
package rediscache
