// Package e2e tests the complete service from outside, on SQLite and on PostgreSQL:
// configurations, flags, access and the feed here; the registry, the lifecycle of the
// process, faults, and clients of others in folders of their own.
//
// It is not for rules that one part can be tested for alone.
package e2e
