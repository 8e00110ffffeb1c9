// Package column converts between values of the domain kernel and the columns that
// both databases store, and checks what a column holds.
package column
