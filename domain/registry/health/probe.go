package health

import (
	"context"
	"net/netip"
	"time"
)

// Kind is how an instance is checked. The zero value is no kind.
type Kind uint8

// The kinds of checks. There are none that run a program.
const (
	HTTP Kind = iota + 1
	TCP
	// GRPC calls the standard service grpc.health.v1.Health ("GRPC Health Checking
	// Protocol").
	GRPC
)

// Kinds returns every kind.
func Kinds() []Kind { return []Kind{HTTP, TCP, GRPC} }

// String returns "http", "tcp" or "grpc".
func (k Kind) String() string {
	switch k {
	case HTTP:
		return "http"
	case TCP:
		return "tcp"
	case GRPC:
		return "grpc"
	}
	return "none"
}

// Range is a range of HTTP status codes, both ends included.
type Range struct{ First, Last int }

// Probe is one check of an instance, ready to be made.
type Probe struct {
	Kind Kind
	// URL is for HTTP alone: absolute, http or https, without user info.
	URL string
	// Address is "host:port", for TCP and GRPC.
	Address string
	// Host is the host in URL or Address: a name, or an IP address without brackets.
	Host string
	// Source is the address that the instance was registered from; the zero address
	// where it is not known.
	Source netip.Addr
	// Method is GET or HEAD; HTTP alone, as are the next three.
	Method string
	// Expect are the status codes that pass.
	Expect []Range
	// Headers are sent as they are.
	Headers map[string]string
	// Contains has to be in the first 64 KiB of the body; "" is not checked.
	Contains string
	// Service is the gRPC service that is checked; "" is the server as a whole.
	Service string
	// Timeout bounds the whole check, from the look-up of the name on.
	Timeout time.Duration
}

// Class classifies the failure of a check. The zero value is no failure. Nothing else of
// an error is stored.
type Class uint8

// The classes.
const (
	// Refused is a connection that was refused or reset.
	Refused Class = iota + 1
	// TimedOut is no answer within the timeout.
	TimedOut
	// Unresolved is a name without an address.
	Unresolved
	// Unreachable is a host or network without a route.
	Unreachable
	// Forbidden is a check that is not allowed to dial the address, or to read the body
	// there. It has no effect on the instance.
	Forbidden
	// Untrusted is a TLS handshake that failed.
	Untrusted
	// WrongStatus is an HTTP status that is not expected, redirects among them, or a
	// gRPC answer other than SERVING.
	WrongStatus
	// WrongBody is a body without the expected text.
	WrongBody
	// Garbled is an answer that cannot be read.
	Garbled
	// Failed is any failure at an address for which details are not disclosed.
	Failed
)

// Classes returns every class.
func Classes() []Class {
	return []Class{
		Refused, TimedOut, Unresolved, Unreachable, Forbidden, Untrusted, WrongStatus, WrongBody, Garbled, Failed,
	}
}

// String returns the class in lower-case snake case, and "none" for no failure.
func (c Class) String() string {
	names := [...]string{
		"none", "refused", "timed_out", "unresolved", "unreachable", "forbidden", "untrusted", "wrong_status",
		"wrong_body", "garbled", "failed",
	}
	if int(c) >= len(names) {
		return "none"
	}
	return names[c]
}

// Result is the result of a check. It contains nothing of the response body.
type Result struct {
	// Failed is the class of the failure, or zero for a check that passed.
	Failed Class
	// Code is the HTTP status, 0 where there was none.
	Code int
	// Latency is the time from the begin to the end of the check.
	Latency time.Duration
	// Dialled is the address that was dialled last, unmapped and without a zone; the
	// zero address where none was.
	Dialled netip.Addr
}

// Passed reports whether the check passed.
func (r Result) Passed() bool { return r.Failed == 0 }

// Prober makes checks. It never fails: failures are Results. It follows no redirect, and
// dials no address that checks may not reach: that is Forbidden, as is a probe with
// Contains at an address outside the networks that the operator allows. At such addresses
// every other failure is Failed, without a Code. A ctx that ends is TimedOut.
type Prober interface {
	Probe(ctx context.Context, p Probe) Result
}
