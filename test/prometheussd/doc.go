// Package prometheussd reads the targets of a running service with Prometheus' own
// code. It is a separate module, so that Prometheus is no dependency of the product.
//
// Its test is skipped unless the end-to-end tests of the product run it.
package prometheussd
