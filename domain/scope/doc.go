// Package scope holds the words that all modules share: environment, service
// name, actor, and the stamp that every change carries.
//
// It is not for words of one module; those live with their module.
package scope
