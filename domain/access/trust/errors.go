package trust

import "github.com/signalbox-hq/signalbox/domain/fault"

// Errors of this package.
var (
	// ErrTokenRejected is a token that is malformed, forged, expired or not yet valid, of
	// another issuer or for another audience. It does not say which.
	ErrTokenRejected = fault.New(fault.Unauthenticated, "token_rejected",
		"The token is malformed, forged, expired or not yet valid, or its issuer or audience is not trusted.")
	// ErrNotBound is a valid token that no binding matches.
	ErrNotBound = fault.New(fault.Forbidden, "token_not_bound",
		"The token is valid, but no binding of its issuer matches its subject and claims.")
	// ErrIssuerUnavailable is an issuer whose keys are not known yet, or too old, because it
	// cannot be reached.
	ErrIssuerUnavailable = fault.New(fault.Unavailable, "issuer_unavailable",
		"The keys of the token's issuer cannot be read right now. Try again shortly.")
	// ErrIssuerNotFound and ErrBindingNotFound are ids that do not exist.
	ErrIssuerNotFound  = fault.New(fault.NotFound, "issuer_not_found", "The issuer does not exist.")
	ErrBindingNotFound = fault.New(fault.NotFound, "binding_not_found", "The binding does not exist.")
	// ErrTaken is a name, or the URL of an issuer, that another one has.
	ErrTaken = fault.New(fault.Conflict, "trust_taken",
		"Another issuer or binding has this name, or another issuer has this URL.")
	// ErrChanged is a login while its binding or issuer was changed.
	ErrChanged = fault.New(fault.Conflict, "trust_changed",
		"The binding or the issuer of the token was changed meanwhile. Log in again.")
	// ErrIssuerInUse is the removal of an issuer that has bindings.
	ErrIssuerInUse = fault.New(fault.Conflict, "issuer_in_use",
		"The issuer has bindings. Delete these first; the keys of their logins end with them.")
	// ErrTooMany is one issuer or binding more than MaxIssuers or MaxBindings.
	ErrTooMany = fault.New(fault.Conflict, "trust_full",
		"There are as many issuers (100) or bindings (1,000) as there can be. Delete those that are not used.")
)
