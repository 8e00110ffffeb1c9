// Package noteapi serves the operations of the example module.
package noteapi
