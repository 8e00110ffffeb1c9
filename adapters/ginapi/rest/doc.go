// Package rest is the kernel of the HTTP interface: the request pipeline, strict
// decoding of paths, queries and bodies, conditional requests, problems of RFC 9457,
// responses, and the OpenAPI document.
//
// A module package describes each of its operations with an Operation and registers it
// with Typed, Router.Handle or Router.Hot; the route and its entry in the document come
// from the same value. The package knows no module: it imports no use case and no
// domain package but those that all modules share.
package rest
