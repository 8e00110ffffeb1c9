// Package system provides time, randomness and waiting of the operating system.
//
// It is not for rules about them.
package system
