// Package loop runs the background work of the service: steps that repeat until the
// stop, with a backoff while there is nothing to do, and with failures that are logged
// once and reported as conditions.
//
// It is not for what the steps do; the application has that.
package loop
