package change_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/signalbox-hq/signalbox/application/change"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

var errNotFound = errors.New("not found")

type counterID int64

// counter is a versioned aggregate that counts.
type counter struct {
	scope.Lifecycle

	value int
}

func (c *counter) Deleted() bool { return c.Lifecycle.Deleted }

func (c *counter) Damage() error { return c.DamagedAt(1) }

// store keeps one counter. It rejects a stale save, as stores do.
type store struct {
	mu      sync.Mutex
	stored  *counter
	saves   int
	loads   int
	writing int
	// overlapped says that two writes were between load and save at once.
	overlapped bool
	// conflicts is how many saves lose to another process.
	conflicts int
	// failing is what Save returns.
	failing error
}

func (s *store) find(context.Context, counterID) (*counter, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stored == nil {
		return nil, errNotFound
	}
	s.loads++
	s.writing++
	s.overlapped = s.overlapped || s.writing > 1
	loaded := *s.stored
	return &loaded, nil
}

func (s *store) save(_ context.Context, c *counter) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.saves++
	s.writing = 0
	if s.failing != nil {
		return s.failing
	}
	if s.conflicts > 0 {
		s.conflicts--
		s.stored.Version++
	}
	if s.stored != nil && s.stored.Version != c.Version {
		return scope.ErrStale
	}
	saved := *c
	saved.Version++
	s.stored = &saved
	return nil
}

type bundle struct {
	*change.Writer[counterID, *counter]
	store   *store
	backoff *fixture.NoWait
}

// setup returns a writer of one stored counter.
func setup(t *testing.T) bundle {
	t.Helper()
	s, backoff := &store{stored: &counter{Lifecycle: scope.Lifecycle{Version: 1}}}, &fixture.NoWait{}
	return bundle{store: s, backoff: backoff, Writer: &change.Writer[counterID, *counter]{
		Find: s.find, Save: s.save, Action: access.WriteFlag, Sight: access.ReadFlag, NotFound: errNotFound, Backoff: backoff,
		Resource: func(*counter) access.Resource { return access.Resource{} },
	}}
}

// increment counts one up, if one of the versions is the present.
func (b bundle) increment(t *testing.T, expect ...scope.Version) (*counter, error) {
	t.Helper()
	return b.Edit(t.Context(), fixture.Admin(), change.Edit[counterID, *counter]{
		ID: 1, Expect: scope.ExpectVersions(expect...), Apply: func(_ context.Context, c *counter) error {
			c.value++
			return nil
		},
	})
}
