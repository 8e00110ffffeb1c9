// Package accessapi serves the operations of API keys: create, list, read, change, rotate
// and revoke them, and check what one is allowed.
package accessapi
