// Package registryapp is what can be done with services: register, report,
// renew, change, read, discover and deregister them; and the steps of the work
// that goes on by itself: following other replicas, ending leases, and checking.
//
// Every use case takes the caller explicitly and asks access.Decide before it
// does anything. Discovery reads a View: the instances of a service in an
// environment as they stand in memory. A heartbeat that changes nothing meets the
// lease store alone.
package registryapp
