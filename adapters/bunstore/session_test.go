package bunstore_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/configstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/feedstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/keystore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/registrystore"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/test/fixture"
	"github.com/signalbox-hq/signalbox/test/storetest"
)

// alteredPostgres returns the URL of a database with another default.
func alteredPostgres(t *testing.T, setting string) string {
	t.Helper()
	url := storetest.PostgresURL(t)
	require.NoError(t, storetest.OpenPostgres(t, url, storetest.Options()).ExecForTest(t.Context(),
		`DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || current_database() || ' SET `+setting+`'; END $$`))
	return url
}

func TestSessionParameters(t *testing.T) {
	t.Parallel()

	for _, setting := range []string{
		"bytea_output = escape", "DateStyle = ''SQL, DMY''", "DateStyle = ''German''", "IntervalStyle = ''sql_standard''",
		"TimeZone = ''Pacific/Auckland''", "default_transaction_isolation = serializable", "synchronous_commit = off",
	} {
		t.Run("a database with "+setting+" reads and writes as any other", func(t *testing.T) {
			t.Parallel()
			store := storetest.OpenPostgres(t, alteredPostgres(t, setting), storetest.Options())
			key := aKey(t)
			require.NoError(t, keystore.New(store).Create(t.Context(), key))
			found, err := keystore.New(store).Find(t.Context(), key.Attributes().ID)
			require.NoError(t, err)
			digest, _ := key.Digests()
			stored, _ := found.Digests()
			assert.Equal(t, digest, stored)
			assert.Equal(t, key.Attributes(), found.Attributes())
			c := fixture.Configuration(t)
			require.NoError(t, configstore.New(store).Save(t.Context(), c))
			reloaded, err := configstore.New(store).Find(t.Context(), c.ID())
			require.NoError(t, err)
			assert.Equal(t, c.State(), reloaded.State())
			service := registry.New(fixture.ServiceName(t, "shop"))
			_, err = service.Register(fixture.Registration(t, "a"), fixture.Stamp())
			require.NoError(t, err)
			require.NoError(t, registrystore.New(store).Save(t.Context(), service))
			loaded, err := registrystore.New(store).FindWithInstances(t.Context(), fixture.ServiceName(t, "shop"))
			require.NoError(t, err)
			assert.Equal(t, service.Instances(), loaded.Instances())
			for name, want := range map[string]string{
				"bytea_output": "hex", "DateStyle": "ISO, MDY", "TimeZone": "UTC", "IntervalStyle": "postgres",
				"default_transaction_isolation": "read committed", "synchronous_commit": "on",
				"idle_in_transaction_session_timeout": "5s",
			} {
				assert.Equal(t, want, shows(t, store, name), name)
			}
		})
	}

	t.Run("a stronger synchronous_commit stays", func(t *testing.T) {
		t.Parallel()
		store := storetest.OpenPostgres(t, alteredPostgres(t, "synchronous_commit = remote_apply"), storetest.Options())
		assert.Equal(t, "remote_apply", shows(t, store, "synchronous_commit"))
	})

	t.Run("the URL sets the isolation, and no parameter that every session sets", func(t *testing.T) {
		t.Parallel()
		url := storetest.PostgresURL(t)
		store := storetest.OpenPostgres(t, url+"&default_transaction_isolation=serializable", storetest.Options())
		assert.Equal(t, "serializable", shows(t, store, "transaction_isolation"))
		require.NoError(t, configstore.New(store).Save(t.Context(), fixture.Configuration(t)))
		for _, wrong := range []string{
			"default_transaction_isolation=chaos", "datestyle=German", "synchronous_commit=off",
			"idle_in_transaction_session_timeout=0",
		} {
			_, err := bunstore.OpenPostgres(t.Context(), url+"&"+wrong, storetest.Options())
			require.ErrorContains(t, err, "read the database URL")
		}
	})

	t.Run("a session listens under any default", func(t *testing.T) {
		t.Parallel()
		heard := make(chan struct{}, 1)
		store := storetest.OpenPostgres(t, alteredPostgres(t, "DateStyle = ''German''"), storetest.Options())
		go func() { _ = feedstore.NewFeed(store).Listen(t.Context(), func() { heard <- struct{}{} }) }()
		require.NoError(t, configstore.New(store).Save(t.Context(), fixture.Configuration(t)))
		require.Eventually(t, func() bool {
			_, err := feedstore.NewFeed(store).Sequence(t.Context(), 10)
			require.NoError(t, err)
			require.NoError(t, store.ExecForTest(t.Context(), "NOTIFY signalbox_feed"))
			return len(heard) > 0
		}, time.Minute, 10*time.Millisecond)
	})
}

func shows(t *testing.T, store *bunstore.Store, name string) string {
	t.Helper()
	text, err := store.ShowForTest(t.Context(), name)
	require.NoError(t, err)
	return text
}

func TestRedaction(t *testing.T) {
	t.Parallel()

	t.Run("an unreadable digest is not in the error", func(t *testing.T) {
		t.Parallel()
		store := storetest.Postgres(t)
		key := aKey(t)
		require.NoError(t, keystore.New(store).Create(t.Context(), key))
		// A digest in the other format, as without the session's parameter.
		err := store.QueryForTest(t.Context(), `SET bytea_output = escape; SELECT digest FROM api_keys`)
		require.Error(t, err)
		require.Contains(t, err.Error(), "bytea")
		assert.Contains(t, err.Error(), "[REDACTED]")
		assert.NotContains(t, err.Error(), strings.Trim(fmt.Sprintf("%q", digestOf(key)[:4]), `"`))
		assert.NotContains(t, err.Error(), hex.EncodeToString(digestOf(key)[:4]))
	})

	t.Run("a rejected value is not in the error, and names of relations are", func(t *testing.T) {
		t.Parallel()
		store := storetest.Postgres(t)
		err := store.QueryForTest(t.Context(), `SELECT 'canary'::uuid`)
		require.ErrorContains(t, err, "22P02")
		assert.NotContains(t, err.Error(), "canary")
		require.ErrorContains(t, store.QueryForTest(t.Context(), `SELECT 1 FROM missing`), `"missing"`)
	})
}

// TestDriverMessages is not parallel: the driver has one logger.
func TestDriverMessages(t *testing.T) { //nolint:paralleltest // see above
	core, logs := observer.New(zapcore.WarnLevel)
	url := storetest.PostgresURL(t)
	o := storetest.Options()
	o.Log = zap.New(core)
	store := storetest.OpenPostgres(t, url, o)
	ended := make(chan error, 1)
	go func() { ended <- feedstore.NewFeed(store).Listen(t.Context(), func() {}) }()
	require.Eventually(t, func() bool {
		require.NoError(t, store.ExecForTest(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE 'LISTEN%'`))
		return len(ended) > 0
	}, time.Minute, 10*time.Millisecond)
	require.Error(t, <-ended)
	require.NotZero(t, logs.FilterMessage("database driver message").Len())
}

func digestOf(key *access.APIKey) []byte {
	digest, _ := key.Digests()
	return digest
}
