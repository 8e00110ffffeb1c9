// Package versioned is what every versioned aggregate needs: its lifecycle with
// optimistic locking, its unsaved events and history entries, and the ports that store
// and list it.
//
// It knows no module. What an aggregate consists of, and which changes it allows, is
// for the module's own package.
package versioned
