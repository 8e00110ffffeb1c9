package access

import "github.com/signalbox-hq/signalbox/domain/fault"

// Errors of this module.
var (
	// ErrUnauthenticated is a call without an API key that needs one.
	ErrUnauthenticated = fault.New(fault.Unauthenticated, "api_key_required",
		"Send an API key in the Authorization header: 'ApiKey <key>' or 'Bearer <key>'.")
	// ErrInvalidKey is a key that is unknown, wrong, expired or revoked; it does
	// not say which.
	ErrInvalidKey = fault.New(fault.Unauthenticated, "api_key_invalid",
		"The API key is unknown, wrong, expired or revoked.")
	// ErrUnconfirmed is a cached key that could not be confirmed in time, for an action
	// that needs confirmation.
	ErrUnconfirmed = fault.New(fault.Unavailable, "access_unconfirmed",
		"The API key cannot be confirmed right now, and this action requires it. Try again shortly.")
	// ErrTooManyStreams is one stream or long poll more than a replica, or one key, may
	// have open.
	ErrTooManyStreams = fault.New(fault.Unavailable, "too_many_streams",
		"Too many streams and long polls are open on this replica, or by this API key. Try again later.")
	// ErrForbidden is a key that may not do this.
	ErrForbidden = fault.New(fault.Forbidden, "forbidden", "This API key does not allow the action.")
	// ErrKeyNotFound is an API key id that does not exist.
	ErrKeyNotFound = fault.New(fault.NotFound, "api_key_not_found", "The API key does not exist.")
	// ErrKeyTaken is an API key id that exists already.
	ErrKeyTaken = fault.New(fault.Conflict, "api_key_taken", "An API key with this id exists already.")
)
