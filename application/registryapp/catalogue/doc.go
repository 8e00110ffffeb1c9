// Package catalogue caches all services of the registry, so that discovery and heartbeats
// do not query the store. Refresh loads the changes of other replicas; a Projection
// publishes the services to other readers.
package catalogue
