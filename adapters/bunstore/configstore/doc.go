// Package configstore stores configurations and their history in a bunstore.Store.
package configstore
