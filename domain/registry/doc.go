// Package registry defines the service registry: the aggregate Service with its instances
// and their health, and the ports that it needs.
//
// Three independent values make the state of an instance. Its lease shows that its
// process is alive: heartbeats renew it. Its evidence is the last report or check. Its
// override is whether it is to get work. Preservation decides how many leases may expire
// at once.
//
// It has no clock: time comes with stamps, and with the instants of the lease store.
package registry
