// Package watermillbus publishes messages over Watermill: to Kafka, or to
// subscribers in this process where there is none.
//
// It is not for deciding what is published, or when again.
package watermillbus
