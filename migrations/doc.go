// Package migrations embeds the database's schema: one folder for each dialect,
// with the same file names, one step a file.
//
// The package adapters/bunstore/migrator applies them. A file never changes after its
// release: a further step is a further file.
package migrations
