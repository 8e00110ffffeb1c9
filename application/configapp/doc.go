// Package configapp is what can be done with configurations: create, read, list,
// update, roll back, delete, and read their history.
//
// Every use case takes the caller explicitly and asks access.Decide before it
// does anything. Input arrives as plain text and is parsed here, so that every
// interface has the same rules.
package configapp
