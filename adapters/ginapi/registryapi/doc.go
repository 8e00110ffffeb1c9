// Package registryapi serves the operations of the service registry over HTTP: services,
// heartbeats, discovery and Prometheus' HTTP service discovery. It decodes requests, calls
// one use case each, and encodes the response; rules belong to application/registryapp.
package registryapi
