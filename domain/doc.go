// Package domain contains the rules of Signalbox's modules and the ports through which
// they are stored.
//
// It imports the standard library and nothing else. There is no I/O in it, no clock, no
// randomness and no logging: time, identifiers and ciphertext come in as values. Each
// module (configuration, access) is a package of its own that knows the kernel (fault,
// event, scope, secret) and no other module.
//
// Use cases are in application.
package domain
