// Package access tests what keys of each role are allowed, on each operation of the
// OpenAPI document, in and out of their scope.
package access
