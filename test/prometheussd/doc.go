// Package prometheussd reads the targets of a running service with Prometheus' own
// code. It is a module of its own, so that Prometheus is no dependency of the
// product.
//
// Its test does nothing by itself: the end-to-end tests of the product run it.
package prometheussd
