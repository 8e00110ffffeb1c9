// Package e2e tests the whole service from outside: it boots bootstrap.New in
// this process, or the built binary as a process of its own, and speaks HTTP to
// it, on SQLite and on PostgreSQL.
//
// It is not for rules that one part can be asked about alone; those are tested
// where they live. What stands here is that the parts together keep the promises
// that users read: the calls, the settings, the command line, and what is left
// after a crash.
package e2e
