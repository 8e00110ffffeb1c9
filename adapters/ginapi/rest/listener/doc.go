// Package listener replaces what net/http answers by itself.
package listener
