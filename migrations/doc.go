// Package migrations embeds the database's schema: one folder for each dialect,
// with the same file names, one step a file.
//
// It is not for applying them; bunstore does that. A file never changes after
// its release: a further step is a further file.
package migrations
