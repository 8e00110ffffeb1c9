// Package readthrough is how single things are read: from memory while that is known
// to be fresh, else from what replicas share, else from the store; and while the
// store is away from whichever has it, with how old it may be.
//
// What is in memory was true when the replica's tail was there, or is newer. Versions
// of one thing only grow, so that of two answers the one with the higher version is
// the newer one, and what is known of versions decides what may be kept or believed.
package readthrough
