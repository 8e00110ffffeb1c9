// Package registrystore stores services, their instances and the transitions of their
// health in a bunstore.Store.
package registrystore
