// Package contract defines the behaviour of the ports: for each a suite of named
// behaviours, each of which is tested on a fresh instance of every adapter.
//
// An adapter that cannot keep a behaviour leaves it out by name and says why in Without.
// Behaviour of one adapter only is tested beside it.
package contract
