// Package configapp is the use cases of configurations: create, read, list, update, roll
// back, delete, and read the history.
//
// Every use case takes the caller explicitly and calls access.Decide first. Input is
// parsed here, so that every interface has the same rules.
package configapp
