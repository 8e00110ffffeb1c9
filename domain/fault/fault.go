package fault

import (
	"errors"
	"slices"
	"strconv"
	"strings"
)

// Kind says what a caller can do about a failure.
type Kind uint8

// The kinds of failure.
const (
	// Malformed input cannot be read at all.
	Malformed Kind = iota + 1
	// Invalid input was read and breaks a rule.
	Invalid
	// Unauthenticated callers have to say who they are.
	Unauthenticated
	// Forbidden callers are known and may not do this.
	Forbidden
	// NotFound things do not exist, or not any more.
	NotFound
	// Gone things were there, and will not come back.
	Gone
	// Conflict with what already exists; repeating the call does not help.
	Conflict
	// Stale writes were made against a version that is no longer the present one.
	Stale
	// TooLarge input exceeds a limit in bytes.
	TooLarge
	// UnsupportedMedia is input in a format that is not spoken here.
	UnsupportedMedia
	// NotAllowed is a method that the thing does not have.
	NotAllowed
	// Unavailable is worth repeating a little later.
	Unavailable
	// Internal failures are ours, and say nothing but that.
	Internal
)

// Kinds returns every kind, in the order of their declaration.
func Kinds() []Kind {
	return []Kind{
		Malformed, Invalid, Unauthenticated, Forbidden, NotFound, Gone, Conflict, Stale,
		TooLarge, UnsupportedMedia, NotAllowed, Unavailable, Internal,
	}
}

// String returns the kind's name, and "unknown" for a value that is none.
func (k Kind) String() string {
	names := [...]string{
		"malformed", "invalid", "unauthenticated", "forbidden", "not found", "gone", "conflict", "stale",
		"too large", "unsupported media", "not allowed", "unavailable", "internal",
	}
	if k < Malformed || int(k) > len(names) {
		return "unknown"
	}
	return names[k-1]
}

// Field names one place of the input and what is wrong there.
type Field struct {
	// Name is the input's member, as the interface calls it ("service_name").
	Name string
	// Message says what is wrong and what is allowed. It never holds the value.
	Message string
}

// Detail is one machine-readable fact beside the message, such as the present
// version of what was stale.
type Detail struct {
	Name  string
	Value any
}

// Error is a failure that a caller may act upon. It is immutable: the With
// methods return a changed copy, so that sentinels can be shared.
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

// New returns a failure of a kind. The code is stable, lower-case snake case,
// and part of the public interface; the message is a sentence for people.
func New(kind Kind, code, message string) *Error {
	return &Error{kind: kind, code: code, message: message}
}

// Error returns the code, the message, the fields at fault and the cause.
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

// Is reports whether target is a failure with the same code, so that errors.Is
// finds a sentinel also after fields, details or a cause were added.
func (e *Error) Is(target error) bool {
	var other *Error
	return errors.As(target, &other) && other.code == e.code
}

// Unwrap returns the cause, or nil.
func (e *Error) Unwrap() error { return e.cause }

// Kind returns what a caller can do about the failure.
func (e *Error) Kind() Kind { return e.kind }

// Code returns the stable code.
func (e *Error) Code() string { return e.code }

// Message returns the sentence for people. It says how many fields are omitted, if
// any are.
func (e *Error) Message() string {
	if e.omitted == 0 {
		return e.message
	}
	return e.message + " The first " + strconv.Itoa(MaxFields) + " are listed, and " +
		strconv.Itoa(e.omitted) + " more are not."
}

// Fields returns the places of the input at fault, in the order they were added:
// at most MaxFields.
func (e *Error) Fields() []Field { return slices.Clone(e.fields) }

// Omitted returns how many fields were added beyond MaxFields.
func (e *Error) Omitted() int { return e.omitted }

// Details returns the machine-readable facts, in the order they were added.
func (e *Error) Details() []Detail { return slices.Clone(e.details) }

// WithMessage returns a copy with another sentence.
func (e *Error) WithMessage(message string) *Error {
	c := *e
	c.message = message
	return &c
}

// WithField returns a copy that names one more place of the input. Beyond MaxFields
// it is counted alone; long names and messages are clipped.
func (e *Error) WithField(name, message string) *Error {
	c := *e
	if len(c.fields) >= MaxFields {
		c.omitted++
		return &c
	}
	c.fields = append(slices.Clone(e.fields), newField(name, message))
	return &c
}

// WithDetail returns a copy with one more fact.
func (e *Error) WithDetail(name string, value any) *Error {
	c := *e
	c.details = append(slices.Clone(e.details), Detail{Name: name, Value: value})
	return &c
}

// WithCause returns a copy that wraps the error which led to it. The cause is
// for logs alone; no interface shows it.
func (e *Error) WithCause(cause error) *Error {
	c := *e
	c.cause = cause
	return &c
}

// Of returns the failure in err's chain. An error that carries none is ours:
// it comes back as an Internal one with err as its cause. Of(nil) is nil.
func Of(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return ErrInternal.WithCause(err)
}

// Merge joins the fields of several ErrInvalid into one, so that a caller learns
// of everything at once, within MaxFields. Nil errors are passed over; the first
// error that is not ErrInvalid is returned as it is; without any error the result is
// nil.
func Merge(errs ...error) error {
	var c Collector
	for _, err := range errs {
		c.Note(err)
	}
	return c.Err()
}

// Failures that no module owns.
var (
	// ErrInvalid is input that breaks a rule; its fields say where.
	ErrInvalid = New(Invalid, "validation_failed", "The request breaks a rule; see errors for the places.")
	// ErrInternal is a failure of ours.
	ErrInternal = New(Internal, "internal_error",
		"Something went wrong on our side. Quote the request id when you report it.")
	// ErrUnavailable is a store that cannot be reached or does not answer.
	ErrUnavailable = New(Unavailable, "unavailable", "The database cannot be reached right now. Try again shortly.")
	// ErrReadOnly is a store that takes no writes, such as a standby.
	ErrReadOnly = New(Unavailable, "read_only", "The database takes no writes right now. Try again shortly.")
	// ErrContended is a write that lost to other writers until its deadline.
	ErrContended = New(Unavailable, "contended", "Too many writers at once. Try again shortly.")
)

// ErrUnreached is the cause of an ErrUnavailable of a store that was not reached at
// all: nothing was sent, so that a write was not stored.
var ErrUnreached = errors.New("the store was not reached")

// Bad returns ErrInvalid for one field.
func Bad(field, message string) *Error { return ErrInvalid.WithField(field, message) }

// Within returns err with prefix before the names of its fields, so that a part
// can say what is wrong with it and leave the rest of the place to the whole. An
// error that is not ErrInvalid, and nil, comes back as it is.
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
