// Package keystore stores API keys and the server's secret in a bunstore.Store.
package keystore
