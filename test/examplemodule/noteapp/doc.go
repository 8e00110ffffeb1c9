// Package noteapp has the use cases of the example module, and its descriptor.
package noteapp
