// Package relay moves what has happened to those who follow it: it gives events
// their places in the feed and publishes the feed to a broker. Each function makes
// one step and returns; loops, timers and who may make the step belong to the
// caller.
package relay
