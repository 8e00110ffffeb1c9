// Package flagstore stores feature flags and their history in a bunstore.Store, and
// loads the flags of an environment for snapshots.
package flagstore
