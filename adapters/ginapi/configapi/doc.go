// Package configapi serves the operations of configurations over HTTP. It decodes
// requests, calls one use case each, and encodes the response; rules belong to
// application/configapp.
package configapi
