// Package e2etest runs the service for tests and speaks HTTP to it: bootstrap.New in
// this process, or the built binary as a process of its own, on SQLite and on
// PostgreSQL, with the Redis, Kafka and network paths that a test needs.
//
// It is not for tests; the folders of e2e have those.
package e2etest
