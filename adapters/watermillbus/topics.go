package watermillbus

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/signalbox-hq/signalbox/ports"
)

// topics are the topics that are not known to accept messages. It is safe for concurrent
// use; the zero value has none.
type topics struct {
	// find looks up topics, creates missing ones where that is configured, and returns why
	// the others accept no messages. It has timeouts of its own.
	find func(names []string) (map[string]error, error)

	mu         sync.Mutex
	unverified map[string]struct{}
}

// invalidate marks topics as unverified.
func (t *topics) invalidate(names ...string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.unverified == nil {
		t.unverified = map[string]struct{}{}
	}
	for _, name := range names {
		t.unverified[name] = struct{}{}
	}
}

// verify looks up all unverified topics if a message is for one of them, and returns why
// topics accept no messages.
func (t *topics) verify(ctx context.Context, messages []ports.Message) (map[string]error, error) {
	unverified := t.unverifiedOf(messages)
	if len(unverified) == 0 || t.find == nil {
		return nil, nil
	}
	type findings struct {
		wrong map[string]error
		err   error
	}
	found := make(chan findings, 1)
	go func() {
		wrong, err := t.find(unverified)
		found <- findings{wrong, err}
	}()
	select {
	case f := <-found:
		if f.err == nil {
			t.confirm(unverified, f.wrong)
		}
		return f.wrong, f.err
	case <-ctx.Done():
		return nil, fmt.Errorf("look up the topics: %w", context.Cause(ctx))
	}
}

// unverifiedOf returns all unverified topics if a message is for one of them.
func (t *topics) unverifiedOf(messages []ports.Message) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, m := range messages {
		if _, found := t.unverified[m.Topic]; found {
			return slices.Sorted(maps.Keys(t.unverified))
		}
	}
	return nil
}

// confirm marks the topics that accept messages as verified.
func (t *topics) confirm(names []string, wrong map[string]error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, name := range names {
		if wrong[name] == nil {
			delete(t.unverified, name)
		}
	}
}

// observe invalidates the topics that refused their messages.
func (t *topics) observe(outcomes []error) {
	for _, err := range outcomes {
		if topic, refused := errors.AsType[ports.TopicError](err); refused {
			t.invalidate(topic.Topic)
		}
	}
}
