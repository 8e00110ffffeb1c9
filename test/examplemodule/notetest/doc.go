// Package notetest has the contract suite of notes, and their store in memory.
package notetest
