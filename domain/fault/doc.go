// Package fault defines errors: a few kinds, and one error type with a kind, a stable
// code, a message for humans and the invalid fields.
//
// It is not for transport: which HTTP status a kind becomes, or which driver error
// becomes which fault, is decided where HTTP or the driver is imported.
package fault
