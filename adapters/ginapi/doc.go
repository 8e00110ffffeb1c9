// Package ginapi drives the application over HTTP: routes on gin, typed
// operations and their OpenAPI 3.1 document through huma, and every failure as a
// problem of RFC 9457.
//
// It finds out who is asking, reads the request strictly, calls one use case and
// writes what came back. What a caller may do and what a rule forbids is decided
// by the application and the domain; the package is not for rules, and not for
// listening, signals or shutdown, which belong to bootstrap.
package ginapi
