// Command signalbox is the one binary: the service and its command line.
//
// It is not for code: everything it does is in bootstrap.
package main
