// Package clients holds programs that use clients generated from docs/openapi.json, in
// three languages. Run them with make check-clients.
package clients
