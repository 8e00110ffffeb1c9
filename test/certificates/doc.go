// Package certificates makes certificates for tests.
package certificates
