// Bench measures the built binary against ceilings on the same machine, and prints a table
// or, with -json, one object per line.
//
//	go run ./test/bench -h
//
// A ceiling is the minimum of work for the same response: bare Gin that writes the same
// bytes for reads, the bare statements in the same driver for writes. The binary and its
// ceiling run alternately as processes of their own, and the medians of the rounds are
// compared. More is in docs/performance.md.
//
// It is not for absolute figures of another machine, and not for tests: a figure that
// misses its goal fails nothing.
package main
