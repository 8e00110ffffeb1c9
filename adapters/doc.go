// Package adapters holds how it is done: one package for each technology, named
// for the technology and its role.
//
// It is not for rules or use cases, and no adapter knows another.
package adapters
