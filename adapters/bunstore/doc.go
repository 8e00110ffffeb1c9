// Package bunstore is the generic part of the store over PostgreSQL and SQLite:
// sessions, transactions and the group commit, the outbox, versioned aggregates, pages,
// and unreadable rows. It knows no module: the repositories of the modules are in the
// packages beneath it, with the feed and the migrations. These packages own every query
// and every driver error.
//
// What may be stored is decided in domain. A store does what it is called for
// completely, or returns why it did not.
package bunstore
