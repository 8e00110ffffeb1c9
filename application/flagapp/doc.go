// Package flagapp contains the use cases of feature flags: create, read, list, update,
// preview, roll back, delete, read the history, and evaluate.
//
// Every use case takes the caller explicitly and calls access.Decide first. Evaluation
// reads a Snapshot: all flags of an environment as they were at one moment, cached.
// Reading a snapshot is lock-free.
package flagapp
