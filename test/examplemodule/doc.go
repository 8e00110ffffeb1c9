// Package examplemodule adds a module to the service without a change to it: notes, with
// their aggregate, both stores, HTTP operations, change feed, Kafka topic and contract
// suite. It shows what docs/contributing.md, "Adding a module", lists, and its tests hold
// the service to it.
package examplemodule
