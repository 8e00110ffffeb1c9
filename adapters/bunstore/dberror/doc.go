// Package dberror translates the errors of the PostgreSQL and SQLite drivers into
// faults, by their codes, and keeps stored values out of error texts and logs.
package dberror
