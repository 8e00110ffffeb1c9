// Package accessapp is the use cases of API keys: authenticate callers, issue, list,
// change, rotate, revoke and check keys, and create the first one.
//
// The package domain/access decides on the rights of a caller.
package accessapp
