// Package peer reads from a request what its client and the proxies before it say of themselves.
package peer
