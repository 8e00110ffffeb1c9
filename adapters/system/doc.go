// Package system gives the program what the operating system has: the time,
// randomness, and waiting.
//
// It is not for anything that decides; it only answers.
package system
