// Package accessapp is what can be done with API keys: find out who a key is,
// issue, list and revoke keys, and make the first one.
//
// Issuing, listing and revoking are for whoever runs the machine; they take no
// caller. What a caller may do is decided by domain/access.
package accessapp
