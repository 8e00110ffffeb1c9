// Package health is what can be known of an instance's health: the states, how
// results of active checks become one, and what a check is.
//
// It decides; it does not check. Time comes in with each result.
package health
