// Package cli is the command line of the program, over cobra.
//
// It is not for the effect of the commands: each calls one method of Program, which
// bootstrap implements.
package cli
