// Package bootstrap composes the program: it reads the settings, chooses the adapters,
// wires them with fx and runs them from start to stop. It is the only package that imports
// fx, and the only one that imports every adapter. Each module has a file, module_<name>.go.
//
// It is not for rules or technology; domain, application and adapters have those.
package bootstrap
