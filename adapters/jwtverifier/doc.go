// Package jwtverifier verifies tokens (JWT) of trusted issuers by coreos/go-oidc: their keys
// are found by OpenID Connect Discovery, or given as a key set.
package jwtverifier
