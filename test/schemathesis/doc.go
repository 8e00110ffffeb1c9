// Package schemathesis fuzzes the service with requests that Schemathesis generates from
// docs/openapi.json, and checks each response against the document. Run it with make
// check-schemathesis.
package schemathesis
