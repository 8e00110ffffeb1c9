// Package changefeed sequences committed events into the change feed, applies the feed
// to what a replica has in memory, and notifies watchers.
//
// It knows modules by their descriptors alone (ports.Module). A change of an unknown
// aggregate type passes through it like any other.
package changefeed
