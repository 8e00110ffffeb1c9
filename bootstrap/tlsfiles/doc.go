// Package tlsfiles reads certificates from files, again after a change: those of the server,
// and those with which the service connects to its stores.
package tlsfiles
