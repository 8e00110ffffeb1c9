package accessapp_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/accessapp"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/secret"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

type bundle struct {
	*accessapp.Service
	keys  *countingKeys
	clock *fixture.Clock
}

// countingKeys counts look-ups, and can be unavailable or slow.
type countingKeys struct {
	*fixture.Keys

	finds atomic.Int64
	away  atomic.Bool
	slow  atomic.Int64
	// found is called after FindAll has read the keys; nil for nothing.
	found func()
}

// reach waits as long as an answer takes, and fails where there is none.
func (k *countingKeys) reach(ctx context.Context) error {
	k.finds.Add(1)
	if k.away.Load() {
		return fault.ErrUnavailable
	}
	if slow := time.Duration(k.slow.Load()); slow > 0 {
		select {
		case <-time.After(slow):
		case <-ctx.Done():
			return fault.ErrUnavailable.WithCause(context.Cause(ctx))
		}
	}
	return nil
}

func (k *countingKeys) Find(ctx context.Context, id string) (*access.APIKey, error) {
	if err := k.reach(ctx); err != nil {
		return nil, err
	}
	return k.Keys.Find(ctx, id)
}

func (k *countingKeys) FindAll(ctx context.Context, ids []string) (map[string]*access.APIKey, error) {
	if err := k.reach(ctx); err != nil {
		return nil, err
	}
	keys, err := k.Keys.FindAll(ctx, ids)
	if k.found != nil {
		k.found()
	}
	return keys, err
}

func (k *countingKeys) Used(ctx context.Context, last map[string]time.Time) error {
	if k.away.Load() {
		return fault.ErrUnavailable
	}
	return k.Keys.Used(ctx, last)
}

func (k *countingKeys) Pepper(ctx context.Context, candidate secret.Text) (secret.Text, error) {
	if k.away.Load() {
		return secret.Text{}, fault.ErrUnavailable
	}
	return k.Keys.Pepper(ctx, candidate)
}

func setup(t *testing.T, policy accessapp.Policy) *bundle {
	t.Helper()
	b := &bundle{keys: &countingKeys{Keys: fixture.NewKeys()}, clock: fixture.NewClock()}
	b.Service = accessapp.New(accessapp.Dependencies{Keys: b.keys, Uses: b.keys, Clock: b.clock, IDs: fixture.NewIDs(), Policy: policy})
	return b
}

func guarded(t *testing.T) *bundle {
	t.Helper()
	return setup(t, accessapp.Policy{Enabled: true})
}

func roles(name string) []accessapp.Grant { return []accessapp.Grant{{Role: name}} }

func (b *bundle) issued(t *testing.T, in accessapp.Issue) (string, access.KeyAttributes) {
	t.Helper()
	if in.Name == "" {
		in.Name, in.Grants = "deploy", roles("admin")
	}
	issued, err := b.Issue(t.Context(), fixture.Operator(), in)
	require.NoError(t, err)
	return issued.Token.Reveal(), issued.KeyAttributes
}
