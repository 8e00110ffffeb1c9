// Package handshake says why a TLS handshake with a store failed, in terms of the settings
// that an operator can change. Each adapter that connects with TLS uses it.
//
// It is not for certificates; bootstrap/tlsfiles reads those.
package handshake
