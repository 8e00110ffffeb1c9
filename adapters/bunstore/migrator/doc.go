// Package migrator applies the migrations of Signalbox and of further modules to a
// database, each recorded in a version table of its own. It changes no database that
// holds tables of another program, and none that is newer than the binary.
package migrator
