// Package accessapp is the use cases of API keys: authenticate callers, issue, list and
// revoke keys, and create the first one.
//
// Issuing, listing and revoking are for operators of the machine; they take no caller.
// The package domain/access decides on the rights of a caller.
package accessapp
