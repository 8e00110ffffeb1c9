// Package contract is the definition of the ports: for each a suite of named
// behaviours that every adapter is held to, each on a fresh instance.
//
// An adapter that cannot keep a behaviour leaves it out by name and says why in
// Without. It is not for what only one adapter does; that is tested beside it.
package contract
