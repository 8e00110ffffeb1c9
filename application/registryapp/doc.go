// Package registryapp contains the use cases of the registry: register, report, renew, amend,
// read, discover and deregister; and the steps of its background work: refreshing the
// catalogue (package catalogue), expiring leases, and checking (package checks).
//
// Every use case takes the caller explicitly and calls access.Decide first. Discovery
// reads a catalogue.View: the cached instances of a service in an environment. A heartbeat that
// changes nothing only calls the lease store.
package registryapp
