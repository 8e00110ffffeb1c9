// Package fault tests that the service keeps its promises while processes, networks
// and dependencies fail. Each test runs for seconds, or with FAULTS=full for as long as
// the fault has to last.
package fault
