// Package bootstrap puts the program together: it reads the settings, picks the
// adapters, wires them with fx and runs them from start to stop. It is the only
// package that knows fx, and the only one that knows every adapter.
//
// It is not for rules or technology of its own: a line here that decides
// anything but which part goes where is in the wrong place.
package bootstrap
