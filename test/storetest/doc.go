// Package storetest opens stores for the tests of adapters/bunstore and of the
// packages beneath it, on every database.
package storetest
