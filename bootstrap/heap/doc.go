// Package heap sets how far the heap grows between two garbage collections.
//
// It is not for limits of memory: GOMEMLIMIT is the runtime's.
package heap
