package rediscache

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/signalbox-hq/signalbox/domain/registry"
)

// Why Redis refuses what it is asked, for those who operate it. They are causes of
// registry.ErrLeasesUnavailable.
var (
	// ErrFull is a Redis at its memory limit that may not evict keys.
	ErrFull = errors.New("redis is at its memory limit and refuses writes: raise maxmemory, or free memory")
	// ErrReadOnly is a Redis that is a replica.
	ErrReadOnly = errors.New("redis is a read-only replica and refuses writes: set REDIS_HOST to the primary")
	// ErrLoading is a Redis that has just started.
	ErrLoading = errors.New("redis is loading its data set: wait until it has finished")
	// ErrNotSaving is a Redis that could not write its snapshot or log.
	ErrNotSaving = errors.New("redis cannot persist to its disk and refuses writes: look at its log and its disk")
	// ErrDenied is a Redis that does not let this user in, or not at this key.
	ErrDenied = errors.New("redis denies access: check REDIS_PASSWORD and the rules (ACL) of the user")
)

// refusal returns why Redis refuses, or nil where the answer is none of those.
func refusal(err error) error {
	if _, ok := errors.AsType[redis.Error](err); !ok {
		return nil
	}
	for code, why := range map[string]error{
		"OOM": ErrFull, "READONLY": ErrReadOnly, "LOADING": ErrLoading, "MASTERDOWN": ErrReadOnly,
		"MISCONF": ErrNotSaving, "NOAUTH": ErrDenied, "WRONGPASS": ErrDenied, "NOPERM": ErrDenied,
	} {
		if answered(err, code) {
			return why
		}
	}
	return nil
}

// answered reports whether Redis answered with an error of that code, by itself or in
// a script. Before version 7 a sentence stands before the code of a script's error.
func answered(err error, code string) bool {
	if redis.HasErrorPrefix(err, code) {
		return true
	}
	answer, ok := errors.AsType[redis.Error](err)
	if !ok || !strings.HasPrefix(answer.Error(), "ERR ") {
		return false
	}
	return strings.Contains(answer.Error(), ": -"+code+" ") || strings.Contains(answer.Error(), ": "+code+" ")
}

// translate turns whatever goes wrong with Redis into one failure. A caller who
// has gone away is told so.
func translate(err error, doing string) error {
	if err == nil {
		return nil
	}
	if why := refusal(err); why != nil {
		err = fmt.Errorf("%w (%w)", why, err)
	}
	wrapped := fmt.Errorf("%s: %w", doing, err)
	if errors.Is(err, context.Canceled) {
		return wrapped
	}
	return registry.ErrLeasesUnavailable.WithCause(wrapped)
}
