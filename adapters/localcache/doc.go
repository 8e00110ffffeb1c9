// Package localcache keeps leases, readings and members in this process, for a
// service that runs on one node alone. What it holds is gone with the process.
//
// It is not for replicas: each would have a store of its own.
package localcache
