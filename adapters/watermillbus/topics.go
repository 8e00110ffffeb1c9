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

// topics are those that are not known to take messages. It is safe for concurrent use;
// the zero value has none.
type topics struct {
	// find looks for topics, makes them where that is wanted, and returns why the others
	// take no messages. It does not know ctx, and ends by itself.
	find func(names []string) (map[string]error, error)

	mu      sync.Mutex
	unready map[string]struct{}
}

// doubt makes topics be looked for before the next messages of theirs.
func (t *topics) doubt(names ...string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.unready == nil {
		t.unready = map[string]struct{}{}
	}
	for _, name := range names {
		t.unready[name] = struct{}{}
	}
}

// look looks for all topics that are in doubt where messages are for one of them, and
// returns which ones take none, and why.
func (t *topics) look(ctx context.Context, messages []ports.Message) (map[string]error, error) {
	doubtful := t.doubtful(messages)
	if len(doubtful) == 0 || t.find == nil {
		return nil, nil
	}
	type findings struct {
		wrong map[string]error
		err   error
	}
	found := make(chan findings, 1)
	go func() {
		wrong, err := t.find(doubtful)
		found <- findings{wrong, err}
	}()
	select {
	case f := <-found:
		if f.err == nil {
			t.settle(doubtful, f.wrong)
		}
		return f.wrong, f.err
	case <-ctx.Done():
		return nil, fmt.Errorf("look for topics: %w", context.Cause(ctx))
	}
}

// doubtful returns all topics that are in doubt if a message is for one of them.
func (t *topics) doubtful(messages []ports.Message) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, m := range messages {
		if _, found := t.unready[m.Topic]; found {
			return slices.Sorted(maps.Keys(t.unready))
		}
	}
	return nil
}

// settle ends the doubt about topics in which nothing is wrong.
func (t *topics) settle(names []string, wrong map[string]error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, name := range names {
		if wrong[name] == nil {
			delete(t.unready, name)
		}
	}
}

// learn takes in which topics have refused their messages.
func (t *topics) learn(outcomes []error) {
	for _, err := range outcomes {
		if topic, refused := errors.AsType[ports.TopicError](err); refused {
			t.doubt(topic.Topic)
		}
	}
}
