// Package watermillbus publishes messages over Watermill: to Kafka, or to
// subscribers in this process where there is none.
//
// The relay decides what is published, and when it is retried.
package watermillbus
