// Package lifecycle tests how the service starts, upgrades, loses its database and is
// restored, and the commands beside serve.
package lifecycle
