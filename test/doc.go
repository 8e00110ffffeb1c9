// Package test holds what holds Signalbox to its word: the contracts of its
// ports, the rules of its architecture, whole runs of the program, and its measures.
//
// Nothing under it reaches the binary. Tests of one package alone live with that
// package.
package test
