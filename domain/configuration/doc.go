// Package configuration is what is true of a service's configuration: its
// identity, its versions and their history, and what may be stored where.
//
// A configuration is identified by environment, service name and key, and has an
// id that it keeps for ever. Every change is one version, 1, 2, 3 … without a
// gap: create, update, rollback and delete. A deleted configuration stays, and
// goes on counting when it is created again or rolled back.
//
// The package is not for encryption: values arrive as Content, plain or already
// sealed, and nothing here can open a sealed one.
package configuration
