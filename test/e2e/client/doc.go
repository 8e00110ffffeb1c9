// Package client tests the service with the unmodified clients of others: OpenFeature
// for Python, Go and JavaScript, Prometheus, browsers' event sources, and the libraries
// for Kafka and encryption that programs in Python use.
package client
