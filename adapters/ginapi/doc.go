// Package ginapi composes the HTTP interface: the kernel in rest, and one package for each
// module, which holds its operations. It decides which modules are served, whether the
// process is ready, and when it stops.
//
// Listening, signals and shutdown belong to bootstrap.
package ginapi
