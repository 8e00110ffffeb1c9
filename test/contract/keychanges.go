package contract

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/access/trust"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// ListenedKeys is a store of keys, and what another process hears of its changes.
type ListenedKeys struct {
	// Trust may be nil where there are no notifications.
	Trust   trust.Store
	Keys    access.Keys
	Changes access.KeyChanges
}

// KeyChanges tests a store against access.KeyChanges, on empty ones that fresh returns.
func KeyChanges(t *testing.T, fresh func(*testing.T) ListenedKeys, without Without) {
	t.Helper()
	run(t, keyChangesSuite(), fresh, without)
}

func keyChangesSuite() []behaviour[ListenedKeys] {
	return []behaviour[ListenedKeys]{
		{"a listener learns which keys are created and changed, and of no change that fails", keysListened},
		{"a listener learns which keys of logins end with their binding", loginsListened},
		{"a listener whose context has ended returns nil", keysUnlistened},
	}
}

// listening listens until the end of the test. It returns the ids that are heard, or nil
// for a store without notifications.
func (l ListenedKeys) listening(t *testing.T) <-chan string {
	t.Helper()
	heard, ended := make(chan string, 1000), make(chan error, 1)
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	go func() { ended <- l.Changes.Listen(ctx, func(id string) { heard <- id }) }()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case err := <-ended:
			require.NoError(t, err)
			return nil
		case <-heard:
			t.Cleanup(func() {
				stop()
				assert.NoError(t, <-ended)
			})
			return heard
		case <-tick.C: // it may not listen yet
			l.create(t, fmt.Sprintf("try%05d", n))
		case <-time.After(patience):
			t.Fatal("nothing was heard")
		}
	}
}

func (l ListenedKeys) create(t *testing.T, id string) {
	t.Helper()
	key, _ := keyOf(t, id, access.KeyAttributes{})
	require.NoError(t, l.Keys.Create(t.Context(), key))
}

func keysListened(t *testing.T, l ListenedKeys) {
	heard := l.listening(t)
	if heard == nil {
		return
	}
	l.create(t, "created0")
	require.ErrorIs(t, l.refuse(t, "created0"), access.ErrLastAdmin)
	require.NoError(t, fixture.Revoke(t.Context(), l.Keys, "created0", fixture.Noon()))
	assert.Equal(t, []string{"created0", "created0"}, l.heard(t, heard))
}

// heard returns the ids that were heard, up to now.
func (l ListenedKeys) heard(t *testing.T, heard <-chan string) (ids []string) {
	t.Helper()
	l.create(t, "lastone0")
	for {
		select {
		case id := <-heard:
			switch {
			case id == "lastone0":
				return ids
			case id[:3] != "try":
				ids = append(ids, id)
			}
		case <-time.After(patience):
			t.Fatalf("heard %v alone", ids)
		}
	}
}

func loginsListened(t *testing.T, l ListenedKeys) {
	heard := l.listening(t)
	if heard == nil {
		return
	}
	both(t, TrustStore{Trust: l.Trust, Keys: l.Keys})
	for id, binding := range map[string]string{"login001": "bbbbbbb1", "login002": "bbbbbbb2"} {
		loginOf(t, l.Keys, id, binding, fixture.Noon().Add(time.Hour))
	}
	require.NoError(t, l.Trust.Change(t.Context(), fixture.Noon(), func(p *trust.Policy) error {
		return p.RemoveBinding("bbbbbbb1")
	}))
	ids := l.heard(t, heard)
	assert.Equal(t, "login001", ids[len(ids)-1])
	assert.ElementsMatch(t, []string{"login001", "login002", "login001"}, ids)
}

// refuse changes a key by a change that fails.
func (l ListenedKeys) refuse(t *testing.T, id string) error {
	t.Helper()
	_, err := l.Keys.Change(t.Context(), id, fixture.Noon(), func(*access.APIKey, bool) error {
		return access.ErrLastAdmin
	})
	return err
}

func keysUnlistened(t *testing.T, l ListenedKeys) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, l.Changes.Listen(ctx, func(string) {}))
}
