// Package flagapi serves the operations of feature flags and their evaluation over HTTP.
// It decodes requests, calls one use case each, and encodes the response; rules belong to
// application/flagapp.
package flagapi
