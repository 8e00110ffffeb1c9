// Package feedstore stores the change feed in a bunstore.Store: the changes in one
// order, what was published of them, which replica is the leader, and which replicas
// serve.
package feedstore
