// Package registry is where services are: the aggregate Service with its
// instances, what is known of their health, and the ports that it needs.
//
// Three things say where an instance stands, and none speaks for another. Its
// lease says that its process lives: heartbeats renew it. Its evidence says what
// was last reported or checked. What is desired of it says whether it is to get
// work. Preservation decides how many may leave at once when leases end.
//
// It holds no clock: time comes in with stamps, and with the instants of the
// lease store.
package registry
