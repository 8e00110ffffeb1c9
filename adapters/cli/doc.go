// Package cli is the command line over cobra: what an operator types on the
// machine itself.
//
// It is not for what the commands do; each calls one method of Program, which
// bootstrap implements.
package cli
