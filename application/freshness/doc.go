// Package freshness is what caches of stored state have in common: how stale they may
// be served, how old they are, one load for all callers that need it, and how the store
// is spared after a load has failed.
//
// It knows no store and no cached type, and takes the time as values of a stopwatch.
package freshness
