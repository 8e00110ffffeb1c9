package bunstore_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/configstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/feedstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/keystore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/registrystore"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/secret"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/fixture"
	"github.com/signalbox-hq/signalbox/test/storetest"
)

// writes are the writes that no contract of a repository covers, with the table that
// they write to.
func writes() map[string]struct {
	table string
	write func(context.Context, *testing.T, *bunstore.Store) error
} {
	type row = struct {
		table string
		write func(context.Context, *testing.T, *bunstore.Store) error
	}
	delivered := ports.Delivered{}
	return map[string]row{
		"Keys.Create": {"api_keys", func(ctx context.Context, t *testing.T, s *bunstore.Store) error {
			return keystore.New(s).Create(ctx, aKey(t))
		}},
		"Keys.CreateFirst": {"api_keys", func(ctx context.Context, t *testing.T, s *bunstore.Store) error {
			_, err := keystore.New(s).CreateFirst(ctx, aKey(t))
			return err
		}},
		"Keys.Pepper": {"server_secrets", func(ctx context.Context, _ *testing.T, s *bunstore.Store) error {
			_, err := keystore.New(s).Pepper(ctx, secret.New("pepper"))
			return err
		}},
		"Feed.Sequence": {"changes", func(ctx context.Context, _ *testing.T, s *bunstore.Store) error {
			_, err := feedstore.NewFeed(s).Sequence(ctx, 10)
			return err
		}},
		"Feed.BeginEpoch": {"feed_head", func(ctx context.Context, _ *testing.T, s *bunstore.Store) error {
			_, err := feedstore.NewFeed(s).BeginEpoch(ctx)
			return err
		}},
		"Deliveries.Advance": {"relay", func(ctx context.Context, _ *testing.T, s *bunstore.Store) error {
			return feedstore.NewDeliveries(s).Advance(ctx, delivered, []ports.Stream{{AggregateType: "configuration", Revision: 1}})
		}},
		"Services.Touch": {"service_registry", func(ctx context.Context, _ *testing.T, s *bunstore.Store) error {
			return registrystore.New(s).Touch(ctx, 1, fixture.Noon(), nil)
		}},
		"Services.Purge": {"service_health_history", func(ctx context.Context, _ *testing.T, s *bunstore.Store) error {
			_, err := registrystore.New(s).Purge(ctx, fixture.Noon().Add(24*time.Hour), 10)
			return err
		}},
	}
}

func TestFailedCommits(t *testing.T) {
	t.Parallel()
	for store, open := range storetest.Stores() {
		for name, row := range writes() {
			t.Run(store+": "+name+" whose commit fails is an error, and succeeds later", func(t *testing.T) {
				t.Parallel()
				s := open(t)
				require.NoError(t, configstore.New(s).Save(t.Context(), fixture.Configuration(t)))
				service := registry.New(fixture.ServiceName(t, "shop"))
				_, err := service.Register(fixture.Registration(t, "a"), fixture.Stamp())
				require.NoError(t, err)
				require.NoError(t, registrystore.New(s).Save(t.Context(), service))
				heal := storetest.FailCommits(s, row.table)(t)
				require.Error(t, row.write(t.Context(), t, s))
				heal()
				assert.NoError(t, row.write(t.Context(), t, s))
			})
		}
	}
}

func TestFailedRevocation(t *testing.T) {
	t.Parallel()
	for name, open := range storetest.Stores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			key := aKey(t)
			require.NoError(t, keystore.New(s).Create(t.Context(), key))
			heal := storetest.FailCommits(s, "api_keys")(t)
			require.Error(t, fixture.Revoke(t.Context(), keystore.New(s), key.Attributes().ID, fixture.Noon()))
			heal()
			found, err := keystore.New(s).Find(t.Context(), key.Attributes().ID)
			require.NoError(t, err)
			assert.True(t, found.Attributes().Revoked.IsZero())
			require.NotErrorIs(t, fixture.Revoke(t.Context(), keystore.New(s), key.Attributes().ID, fixture.Noon()), access.ErrKeyNotFound)
		})
	}
}

func aKey(t *testing.T) *access.APIKey {
	t.Helper()
	token, err := access.NewToken("AAAAAAAA", fixture.Long(access.SecretLength))
	require.NoError(t, err)
	key, err := access.NewAPIKey(token, secret.New("a pepper that is long enough to be one"), access.KeyAttributes{
		Name: "a key", Grants: fixture.Granted(access.RoleAdmin), Created: fixture.Noon(),
	})
	require.NoError(t, err)
	return key
}
