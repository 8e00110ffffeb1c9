// Package note is the domain of the example module: short texts with a name in an
// environment.
package note
