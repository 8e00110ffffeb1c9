// Package notestore stores notes in a bunstore.Store. It brings its own migrations.
package notestore
