// Package limit is what the HTTP kernel limits requests by: token buckets in tables of
// bounded size (Buckets), and a bound of concurrent requests (Gate).
//
// It knows no request, caller or header but the two of a rate limit, and has no clock of
// its own.
package limit
