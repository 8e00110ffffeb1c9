// Package configuration contains the rules of a service's configuration: its identity,
// its versions, their history and its content.
//
// A configuration is identified by environment, service name and key, and has an id that
// never changes. Every change is one version, 1, 2, 3 … without a gap: create, update,
// rollback and delete. A deleted configuration is kept, and its version continues when it
// is created again or rolled back.
//
// The package is not for encryption: values arrive as Content, plain or already sealed,
// and are never opened here.
package configuration
