package access

import (
	"errors"

	"github.com/signalbox-hq/signalbox/domain/fault"
)

// Errors of this module.
var (
	// ErrUnauthenticated is a call without an API key that needs one.
	ErrUnauthenticated = fault.New(fault.Unauthenticated, "api_key_required",
		"Send an API key in the Authorization header: 'ApiKey <key>' or 'Bearer <key>'.")
	// ErrInvalidKey is a key that is unknown, wrong, expired or revoked; it does
	// not say which.
	ErrInvalidKey = fault.New(fault.Unauthenticated, "api_key_invalid",
		"The API key is unknown, wrong, expired or revoked.")
	// ErrKeyChanged is a key that is valid, with other rights than those with which a request
	// or a stream began. It is an ErrInvalidKey, too.
	ErrKeyChanged = fault.New(fault.Unauthenticated, "api_key_changed",
		"What this API key may do was changed meanwhile. Repeat the request.").WithCause(ErrInvalidKey)
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
	// ErrKeyRevoked is an API key that was revoked, or whose row is unreadable: it can no
	// longer be changed.
	ErrKeyRevoked = fault.New(fault.Conflict, "api_key_revoked",
		"The API key was revoked and cannot be changed. Create another one.")
	// ErrLastAdmin is a change after which no key could manage the others.
	ErrLastAdmin = fault.New(fault.Conflict, "last_admin_key",
		"This is the last API key that allows everything from everywhere and is valid for another hour. Create "+
			"another admin key first, or use 'signalbox key revoke --force' or 'signalbox key update --force'.")
	// ErrOverlapping is a rotation with an overlap during the overlap of the one before,
	// whose end is its detail "overlap_ends_at".
	ErrOverlapping = fault.New(fault.Conflict, "rotation_overlaps",
		"The secret before the last rotation is still valid, and a key has two secrets at most. Wait until "+
			"overlap_ends_at, or rotate without an overlap, which ends both at once.")
	// ErrAddressNotAllowed is a key that is not accepted from the address of the client.
	ErrAddressNotAllowed = fault.New(fault.Forbidden, "address_not_allowed",
		"This API key is not accepted from the address of the client.")
	// ErrOutOfScope is the cause of errors that hide a resource from a caller. It is never
	// shown.
	ErrOutOfScope = errors.New("the resource is out of the caller's scope")
	// ErrUnaudited is a reveal that cannot be recorded.
	ErrUnaudited = fault.New(fault.Unavailable, "audit_unavailable",
		"Revealing a value cannot be recorded in the audit log right now. Try again shortly.")
	// ErrTooMuchGranted is a key that would allow more than its author. Its detail
	// "exceeded" names the attributes that would.
	ErrTooMuchGranted = fault.New(fault.Forbidden, "grant_exceeds_own",
		"An API key cannot allow more than the key that manages it: it has no other grants, ends no later, and is "+
			"accepted from no other networks. See exceeded. A wider key can, and signalbox key on the database.")
	// ErrKeyTaken is an API key id that exists already.
	ErrKeyTaken = fault.New(fault.Conflict, "api_key_taken", "An API key with this id exists already.")
)
