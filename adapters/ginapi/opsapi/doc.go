// Package opsapi serves what balancers, orchestrators, operators and visitors need: probes,
// health, the index and the documentation. None of it needs a key.
package opsapi
