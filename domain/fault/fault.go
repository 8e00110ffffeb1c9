package fault

import (
	"errors"
	"slices"
	"strconv"
	"strings"
)

// Kind classifies errors by what a caller can do about them.
type Kind uint8

// The kinds of error.
const (
	// Malformed input cannot be read at all.
	Malformed Kind = iota + 1
	// Invalid input was read and breaks a rule.
	Invalid
	// Unauthenticated callers have to authenticate.
	Unauthenticated
	// Forbidden callers are authenticated and lack the right.
	Forbidden
	// NotFound resources do not exist, or no longer.
	NotFound
	// Gone resources existed and were removed for good.
	Gone
	// Conflict with what already exists; repeating the call does not help.
	Conflict
	// Stale writes expect a version that is no longer the current one.
	Stale
	// TooLarge input exceeds a limit in bytes.
	TooLarge
	// UnsupportedMedia is input in an unsupported format.
	UnsupportedMedia
	// NotAllowed is a method that the resource does not have.
	NotAllowed
	// RateLimited calls exceed a rate, and can be retried later.
	RateLimited
	// Unavailable calls can be retried a little later.
	Unavailable
	// Internal errors are the server's, and reveal no details.
	Internal
)

// Kinds returns every kind, in the order of their declaration.
func Kinds() []Kind {
	return []Kind{
		Malformed, Invalid, Unauthenticated, Forbidden, NotFound, Gone, Conflict, Stale,
		TooLarge, UnsupportedMedia, NotAllowed, RateLimited, Unavailable, Internal,
	}
}

// String returns the kind's name, and "unknown" for a value that is none.
func (k Kind) String() string {
	names := [...]string{
		"malformed", "invalid", "unauthenticated", "forbidden", "not found", "gone", "conflict", "stale",
		"too large", "unsupported media", "not allowed", "rate limited", "unavailable", "internal",
	}
	if k < Malformed || int(k) > len(names) {
		return "unknown"
	}
	return names[k-1]
}

// Field is an invalid field of the input.
type Field struct {
	// Name is the field's name in the interface ("service_name").
	Name string
	// Message is the rule that the field breaks. It never contains the value.
	Message string
}

// Detail is a machine-readable attribute of an error, such as the current version of a
// stale resource.
type Detail struct {
	Name  string
	Value any
}

// Error is an error that a caller may act upon. It is immutable: the With methods return
// a changed copy, so that sentinels can be shared.
type Error struct {
	kind    Kind
	code    string
	message string
	fields  []Field
	// omitted counts the fields beyond MaxFields.
	omitted int
	details []Detail
	cause   error
}

// New returns an error of a kind. The code is stable, lower-case snake case, and part of
// the public interface; the message is a sentence for humans.
func New(kind Kind, code, message string) *Error {
	return &Error{kind: kind, code: code, message: message}
}

// Error returns the code, the message, the invalid fields and the cause.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.code + ": " + e.message)
	for _, f := range e.fields {
		b.WriteString(" [" + f.Name + ": " + f.Message + "]")
	}
	if e.cause != nil {
		b.WriteString(": " + e.cause.Error())
	}
	return b.String()
}

// Is reports whether target is an error with the same code, so that errors.Is matches a
// sentinel also after fields, details or a cause were added.
func (e *Error) Is(target error) bool {
	var other *Error
	return errors.As(target, &other) && other.code == e.code
}

// Unwrap returns the cause, or nil.
func (e *Error) Unwrap() error { return e.cause }

// Kind returns the kind.
func (e *Error) Kind() Kind { return e.kind }

// Code returns the stable code.
func (e *Error) Code() string { return e.code }

// Message returns the sentence for humans, with the number of omitted fields, if any.
func (e *Error) Message() string {
	if e.omitted == 0 {
		return e.message
	}
	return e.message + " The first " + strconv.Itoa(MaxFields) + " are listed, and " +
		strconv.Itoa(e.omitted) + " more are not."
}

// Fields returns the invalid fields in the order they were added, at most MaxFields.
func (e *Error) Fields() []Field { return slices.Clone(e.fields) }

// Omitted returns how many fields were added beyond MaxFields.
func (e *Error) Omitted() int { return e.omitted }

// Details returns the machine-readable attributes in the order they were added.
func (e *Error) Details() []Detail { return slices.Clone(e.details) }

// WithMessage returns a copy with another sentence.
func (e *Error) WithMessage(message string) *Error {
	c := *e
	c.message = message
	return &c
}

// WithField returns a copy with one more field. Beyond MaxFields it is only counted; long
// names and messages are clipped.
func (e *Error) WithField(name, message string) *Error {
	c := *e
	if len(c.fields) >= MaxFields {
		c.omitted++
		return &c
	}
	c.fields = append(slices.Clone(e.fields), newField(name, message))
	return &c
}

// WithDetail returns a copy with one more attribute.
func (e *Error) WithDetail(name string, value any) *Error {
	c := *e
	c.details = append(slices.Clone(e.details), Detail{Name: name, Value: value})
	return &c
}

// WithCause returns a copy that wraps the error which led to it. The cause is for logs
// only; no interface shows it.
func (e *Error) WithCause(cause error) *Error {
	c := *e
	c.cause = cause
	return &c
}

// Of returns the Error in err's chain. Without one it returns an Internal error with err
// as its cause. Of(nil) is nil.
func Of(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return ErrInternal.WithCause(err)
}

// Merge joins the fields of several ErrInvalid into one, up to MaxFields. Nil errors are
// skipped; the first error that is not ErrInvalid is returned as it is; without any error
// the result is nil.
func Merge(errs ...error) error {
	var c Collector
	for _, err := range errs {
		c.Note(err)
	}
	return c.Err()
}

// Errors that belong to no module.
var (
	// ErrInvalid is input with invalid fields.
	ErrInvalid = New(Invalid, "validation_failed", "The request is invalid; errors lists the fields.")
	// ErrInternal is an error of the server.
	ErrInternal = New(Internal, "internal_error",
		"Something went wrong on our side. Quote the request id when you report it.")
	// ErrUnavailable is a store that is unreachable or does not answer.
	ErrUnavailable = New(Unavailable, "unavailable", "The database cannot be reached right now. Try again shortly.")
	// ErrRateLimited is a request beyond a rate. Its detail RetryDetail, if there is one, is
	// after how many seconds to retry.
	ErrRateLimited = New(RateLimited, "rate_limited",
		"Too many requests, or too many with a wrong API key. Retry after the time in Retry-After.")
	// ErrReadOnly is a store that accepts no writes, such as a standby.
	ErrReadOnly = New(Unavailable, "read_only", "The database is read-only right now. Try again shortly.")
	// ErrContended is a write that conflicted with other writes until its deadline.
	ErrContended = New(Unavailable, "contended", "Too many concurrent writes. Try again shortly.")
)

// RetryDetail is the detail of ErrRateLimited, whose value is an int64.
const RetryDetail = "retry_after"

// ErrUnreached is the cause of an ErrUnavailable where nothing was sent to the store, so
// that a write was not stored.
var ErrUnreached = errors.New("the store was not reached")

// Bad returns ErrInvalid for one field.
func Bad(field, message string) *Error { return ErrInvalid.WithField(field, message) }

// BadText is Bad for a text that breaks a rule, such as "must be 1 to 50 letters". Of an
// empty text it says that the field is required, too.
func BadText(field, text, rule string) *Error {
	if text == "" {
		rule = "is required, and " + rule
	}
	return Bad(field, rule)
}

// Within returns err with prefix before the names of its fields. An error that is not
// ErrInvalid, and nil, is returned unchanged.
func Within(prefix string, err error) error {
	if err == nil {
		return nil
	}
	e := Of(err)
	if e.code != ErrInvalid.code {
		return err
	}
	c := *e
	c.fields = slices.Clone(e.fields)
	for i, f := range c.fields {
		c.fields[i] = newField(prefix+f.Name, f.Message)
	}
	return &c
}
