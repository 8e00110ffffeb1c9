// Package scope contains the terms that all modules share: environment, service name,
// actor, and the stamp that every change carries.
//
// It is not for terms of one module; those are in the module's package.
package scope
