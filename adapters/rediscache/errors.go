package rediscache

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/ports/handshake"
)

// The reasons for which Redis refuses commands, for operators. They are causes of
// registry.ErrLeasesUnavailable.
var (
	// ErrFull is a Redis at its memory limit that may not evict keys.
	ErrFull = errors.New("redis is at its memory limit and refuses writes: raise maxmemory, or free memory")
	// ErrReadOnly is a Redis that is a replica.
	ErrReadOnly = errors.New("redis is a read-only replica and refuses writes: set REDIS_HOST to the primary")
	// ErrLoading is a Redis that has just started.
	ErrLoading = errors.New("redis is loading its data set: wait until it has finished")
	// ErrNotSaving is a Redis that could not write its snapshot or log.
	ErrNotSaving = errors.New("redis cannot persist to its disk and refuses writes: check its log and its disk")
	// ErrDenied is a Redis that denies this user access, in general or to a key.
	ErrDenied = errors.New("redis denies access: check REDIS_USERNAME, REDIS_PASSWORD and the rules (ACL) of the user")
)

// names are those of messages about TLS.
func names() handshake.Names {
	return handshake.Names{
		Server: "Redis", Address: "REDIS_HOST", Authorities: "REDIS_TLS_CA_FILE",
		Certificate: "REDIS_TLS_CERT_FILE and REDIS_TLS_KEY_FILE", Plain: "REDIS_TLS=false",
	}
}

// refusal returns the reason of a refused command or connection, or nil for other errors.
func refusal(err error) error {
	if _, ok := errors.AsType[redis.Error](err); !ok {
		return handshake.Refusal(err, names())
	}
	for code, why := range map[string]error{
		"OOM": ErrFull, "READONLY": ErrReadOnly, "LOADING": ErrLoading, "MASTERDOWN": ErrReadOnly,
		"MISCONF": ErrNotSaving, "NOAUTH": ErrDenied, "WRONGPASS": ErrDenied, "NOPERM": ErrDenied,
	} {
		if hasCode(err, code) {
			return why
		}
	}
	return nil
}

// hasCode reports whether an error of Redis, or of a command in a script, has that code.
// Before version 7 a sentence precedes the code of a script's error.
func hasCode(err error, code string) bool {
	if redis.HasErrorPrefix(err, code) {
		return true
	}
	reply, ok := errors.AsType[redis.Error](err)
	if !ok || !strings.HasPrefix(reply.Error(), "ERR ") {
		return false
	}
	return strings.Contains(reply.Error(), ": -"+code+" ") || strings.Contains(reply.Error(), ": "+code+" ")
}

// translate wraps all errors as registry.ErrLeasesUnavailable, except cancellation.
func translate(err error, doing string) error {
	if err == nil {
		return nil
	}
	switch why := refusal(err); {
	case errors.Is(why, err): // it has the error already
		err = why
	case why != nil:
		err = fmt.Errorf("%w (%w)", why, err)
	}
	wrapped := fmt.Errorf("%s: %w", doing, err)
	if errors.Is(err, context.Canceled) {
		return wrapped
	}
	return registry.ErrLeasesUnavailable.WithCause(wrapped)
}
