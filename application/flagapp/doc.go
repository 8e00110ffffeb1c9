// Package flagapp is what can be done with feature flags: create, read, list,
// update, preview, roll back and delete them, read their history, and evaluate
// them.
//
// Every use case takes the caller explicitly and asks access.Decide before it
// does anything. Evaluation reads a Snapshot: all flags of an environment as they
// stood at one moment, in memory. It takes no lock and waits for nothing.
package flagapp
