// Package ratelimit divides rate limits among replicas by their demand: each replica
// publishes what it claims, reads what the others claim, and never uses more than is left.
//
// A Ledger decides, without I/O or a clock; a Rebalancer carries its decisions to the
// buckets and the claims to the other replicas. Requests wait for neither. It is not for
// the buckets themselves.
package ratelimit
