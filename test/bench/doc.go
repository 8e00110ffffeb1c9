// Bench measures the built binary against ceilings on the same machine, and
// prints a table or, with -json, one object a line.
//
//	go run ./test/bench -h
//
// A ceiling is the least that has to be done for the same answer: bare Gin
// writing the same bytes for reads, the bare statements in the same driver for
// writes. The binary and its ceiling run as processes of their own, in turns, and
// the medians of the rounds are compared. More is in docs/performance.md.
//
// It is not for absolute numbers of another machine, and not for tests: a figure
// that misses its goal is shown as such and fails nothing.
package main
