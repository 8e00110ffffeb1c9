// Package access is what is true of who may do what: API keys, roles, grants,
// and the one pure function that decides.
//
// It is not for finding out who is asking; that is application/accessapp, which
// HTTP and the command line call.
package access
