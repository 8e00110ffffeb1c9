// Package domain holds what is true: the rules of Signalbox's modules and the
// ports through which they are stored.
//
// It imports the standard library and nothing else. There is no I/O in it, no
// clock, no randomness and no logging: time, identifiers and ciphertext come in
// as values. Each module (configuration, access) is a package of its own that
// knows the kernel (fault, event, scope, secret) and no other module.
//
// It is not for use cases: what can be done with the rules is in application.
package domain
