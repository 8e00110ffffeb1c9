// Package checks makes the active health checks of the registry: it shares the instances
// of the catalogue among the replicas, probes those of this replica, and writes what the
// results change.
package checks
