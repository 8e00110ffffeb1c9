// Package bunstore keeps configurations, their history, events and API keys in
// PostgreSQL or SQLite, over Bun. It owns every query and every driver error.
//
// It is not for rules: what may be stored is decided in domain, and a store that
// is asked for something does it wholly or says why not.
package bunstore
