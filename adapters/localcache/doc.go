// Package localcache stores leases, readings and members in the memory of this process,
// for a deployment of one replica; they are lost when the process ends. It also has the
// local cache of single values.
//
// The lease store does not suit several replicas: each would have its own.
package localcache
