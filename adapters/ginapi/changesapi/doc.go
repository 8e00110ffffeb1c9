// Package changesapi serves the change feed over HTTP, as long polls and as event streams.
package changesapi
