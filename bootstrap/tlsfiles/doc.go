// Package tlsfiles reads the certificates of the server from files, again after a change.
package tlsfiles
