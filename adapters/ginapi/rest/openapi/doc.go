// Package openapi makes the schemas of the OpenAPI document from Go types, and completes the
// document: constraints, headers, examples.
package openapi
