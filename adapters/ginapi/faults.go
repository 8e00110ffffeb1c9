package ginapi

import "github.com/signalbox-hq/signalbox/domain/fault"

// Failures that are HTTP's own.
var (
	// ErrMalformedPath is a path with a broken escape.
	ErrMalformedPath = fault.New(fault.Malformed, "malformed_path", "The path holds a broken percent-escape.")
	// ErrMalformedQuery is a query string that cannot be taken apart.
	ErrMalformedQuery = fault.New(fault.Malformed, "malformed_query",
		"The query string holds a broken percent-escape or a semicolon.")
	// ErrMalformedJSON is a body that is not one JSON value in UTF-8.
	ErrMalformedJSON = fault.New(fault.Malformed, "malformed_json",
		"The body has to be one JSON value in UTF-8, without repeated members, nested at most 32 deep.")
	// ErrBodyMissing is an empty body where one is needed.
	ErrBodyMissing = fault.New(fault.Malformed, "body_missing", "This operation needs a JSON body.")
	// ErrBodyIncomplete is a body that ended or stalled before its announced end.
	ErrBodyIncomplete = fault.New(fault.Malformed, "body_incomplete", "The body ended before it was complete.")
	// ErrBodyTooLarge is a body over the limit of its operation.
	ErrBodyTooLarge = fault.New(fault.TooLarge, "body_too_large",
		"The body is longer than is read here: 1 MiB, 10 MiB for a flag, 128 KiB for an evaluation.")
	// ErrUnsupportedMediaType is a body that is not declared as plain JSON.
	ErrUnsupportedMediaType = fault.New(fault.UnsupportedMedia, "unsupported_media_type",
		"Send the body uncompressed and with Content-Type: application/json.")
	// ErrRouteNotFound is a path where nothing is.
	ErrRouteNotFound = fault.New(fault.NotFound, "not_found", "There is nothing at this path.")
	// ErrMethodNotAllowed is a path that is known, with another method.
	ErrMethodNotAllowed = fault.New(fault.NotAllowed, "method_not_allowed",
		"This path has other methods; the Allow header lists them.")
	// ErrNotReady is a process that is starting or stopping.
	ErrNotReady = fault.New(fault.Unavailable, "not_ready", "This process takes no requests yet, or no more.")
	// ErrDeadline is a request that took longer than it may.
	ErrDeadline = fault.New(fault.Unavailable, "deadline_exceeded", "The request took too long. Try again shortly.")
)
