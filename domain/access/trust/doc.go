// Package trust says which tokens of other parties (JWT, RFC 7519) stand for which
// grants: issuers that are trusted, and bindings of their subjects to grants.
package trust
