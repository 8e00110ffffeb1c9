// Package openapi validates docs/openapi.json with kin-openapi. It is a module of its own, so
// that the validator is no dependency of the product; check.sh runs it with the others.
package openapi
