// Package relay publishes the change feed to a broker. Each function makes one step and
// returns; loops and timers belong to the caller.
package relay
