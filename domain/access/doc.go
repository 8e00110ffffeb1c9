// Package access defines API keys, roles and grants, and the pure function that decides.
//
// It does not authenticate; that is application/accessapp, which HTTP and the command
// line call.
package access
