// Package fault is the one vocabulary of failure: a few kinds, and one error
// type with a kind, a stable code, a message for people and the fields at fault.
//
// It is not for transport: which HTTP status a kind becomes, or which driver
// error becomes which fault, is decided where HTTP or the driver is imported.
package fault
