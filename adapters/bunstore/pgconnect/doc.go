// Package pgconnect connects to PostgreSQL: the parameters of a URL, TLS as libpq has it, and the
// session's parameters.
package pgconnect
