// Package application holds what can be done: one package per module, one file
// per use case. The exported methods of the services are the driving ports; HTTP
// and the command line call them and nothing deeper.
//
// It is not for rules, which are in domain, nor for technology, which is in
// adapters. No module's package imports another's.
package application
