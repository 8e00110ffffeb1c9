package accessapp_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/accessapp"
	"github.com/signalbox-hq/signalbox/application/freshness"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// known returns an admin that was authenticated ten seconds ago, and the key.
func known(t *testing.T, b *bundle) (token, id string) {
	t.Helper()
	token, attributes := b.issued(t, accessapp.Issue{})
	_, err := b.Authenticate(t.Context(), token, nil)
	require.NoError(t, err)
	b.clock.Move(10 * time.Second)
	return token, attributes.ID
}

// write requires an action that needs a confirmed verdict, in a request of that context.
func write(ctx context.Context, caller access.Caller) error {
	caller.Until = ctx
	return caller.Require(access.WriteConfiguration, access.Resource{})
}

func TestConfirm(t *testing.T) {
	t.Parallel()

	t.Run("during a look-up of 300 ms reads are accepted, and writes wait for it", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := guarded(t)
			token, _ := known(t, b)
			b.keys.slow.Store(int64(300 * time.Millisecond))
			began, queried := time.Now(), b.keys.finds.Load()
			caller, err := b.Authenticate(t.Context(), token, nil)
			require.NoError(t, err)
			assert.Equal(t, 250*time.Millisecond, time.Since(began))
			require.NoError(t, caller.Require(access.ReadConfiguration, access.Resource{}))
			require.NoError(t, write(t.Context(), caller))
			assert.Equal(t, 300*time.Millisecond, time.Since(began))
			assert.Equal(t, queried+1, b.keys.finds.Load(), "it is the same look-up")
			_, err = b.Authenticate(t.Context(), token, nil)
			require.NoError(t, err)
			assert.Equal(t, queried+1, b.keys.finds.Load(), "its late answer is remembered")
		})
	})

	t.Run("a revoked admin key writes nothing while the store is slow, and its late answer ends the reads", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := guarded(t)
			token, id := known(t, b)
			require.NoError(t, fixture.Revoke(t.Context(), b.keys, id, b.clock.Now()))
			b.keys.slow.Store(int64(300 * time.Millisecond))
			caller, err := b.Authenticate(t.Context(), token, nil)
			require.NoError(t, err)
			require.ErrorIs(t, write(t.Context(), caller), access.ErrInvalidKey)
			_, err = b.Authenticate(t.Context(), token, nil)
			require.ErrorIs(t, err, access.ErrInvalidKey)
		})
	})

	t.Run("a deleted key writes nothing, and is rejected when the store is unavailable later", func(t *testing.T) {
		t.Parallel()
		b := guarded(t)
		token, id := known(t, b)
		b.keys.Forget(id)
		_, err := b.Authenticate(t.Context(), token, nil)
		require.ErrorIs(t, err, access.ErrInvalidKey)
		b.keys.away.Store(true)
		_, err = b.Authenticate(t.Context(), token, nil)
		require.Error(t, err)
	})

	t.Run("a key that was given other rights meanwhile has to come again", func(t *testing.T) {
		t.Parallel()
		b := guarded(t)
		token, id := known(t, b)
		caller, err := b.Authenticate(t.Context(), token, nil)
		require.NoError(t, err)
		key, err := b.keys.Keys.Find(t.Context(), id)
		require.NoError(t, err)
		attributes := key.Attributes()
		attributes.Grants = fixture.Granted(access.RoleReader)
		digest, _ := key.Digests()
		b.keys.Replace(access.RehydrateAPIKey(attributes, digest, nil))
		b.clock.Move(freshness.MaxStaleness)
		require.ErrorIs(t, write(t.Context(), caller), access.ErrInvalidKey)
	})

	t.Run("while the store is away reads go on for Grace, and writes are refused", func(t *testing.T) {
		t.Parallel()
		b := guarded(t)
		token, _ := known(t, b)
		b.keys.away.Store(true)
		for range 3 {
			caller, err := b.Authenticate(t.Context(), token, nil)
			require.NoError(t, err)
			require.NoError(t, caller.Require(access.ReadConfiguration, access.Resource{}))
			require.NoError(t, caller.RequireRight(access.WriteService, access.Resource{}))
			for _, action := range []access.Action{
				access.WriteConfiguration, access.RevealConfiguration, access.DeclassifyConfiguration,
				access.WriteFlag, access.WriteService,
			} {
				require.ErrorIs(t, caller.Require(action, access.Resource{}), fault.ErrUnavailable)
				assert.False(t, caller.May(action, access.Resource{}))
			}
			b.clock.Move(20 * time.Minute)
		}
		_, err := b.Authenticate(t.Context(), token, nil)
		require.Error(t, err)
	})

	t.Run("a write is accepted at once when the store is available again", func(t *testing.T) {
		t.Parallel()
		b := guarded(t)
		token, _ := known(t, b)
		b.keys.away.Store(true)
		caller, err := b.Authenticate(t.Context(), token, nil)
		require.NoError(t, err)
		require.ErrorIs(t, write(t.Context(), caller), fault.ErrUnavailable)
		b.keys.away.Store(false)
		caller, err = b.Authenticate(t.Context(), token, nil)
		require.NoError(t, err)
		require.NoError(t, write(t.Context(), caller))
	})

	t.Run("a write waits no longer than its request lasts", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := guarded(t)
			token, _ := known(t, b)
			b.keys.slow.Store(int64(7 * time.Second))
			began := time.Now()
			caller, err := b.Authenticate(t.Context(), token, nil)
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			require.ErrorIs(t, write(ctx, caller), access.ErrUnconfirmed)
			assert.Equal(t, 2250*time.Millisecond, time.Since(began))
			time.Sleep(10 * time.Second) // the look-up ends by itself
		})
	})

	t.Run("a request that takes longer than the maximum staleness is confirmed again at its write", func(t *testing.T) {
		t.Parallel()
		b := guarded(t)
		token, attributes := b.issued(t, accessapp.Issue{})
		caller, err := b.Authenticate(t.Context(), token, nil)
		require.NoError(t, err)
		require.NoError(t, write(t.Context(), caller))
		require.NoError(t, fixture.Revoke(t.Context(), b.keys, attributes.ID, b.clock.Now()))
		b.clock.Move(freshness.MaxStaleness)
		require.ErrorIs(t, write(t.Context(), caller), access.ErrInvalidKey)
	})

	t.Run("a thousand callers of one key at once are one look-up", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := guarded(t)
			token, _ := known(t, b)
			b.keys.slow.Store(int64(300 * time.Millisecond))
			queried := b.keys.finds.Load()
			failed := make(chan error, 1000)
			for range 1000 {
				go func() {
					caller, err := b.Authenticate(t.Context(), token, nil)
					if err == nil {
						err = write(t.Context(), caller)
					}
					failed <- err
				}()
			}
			for range 1000 {
				require.NoError(t, <-failed)
			}
			assert.Equal(t, queried+1, b.keys.finds.Load())
		})
	})
}

func TestEvaluatorKey(t *testing.T) {
	t.Parallel()
	environments, err := scope.NewEnvironments("staging", "production")
	require.NoError(t, err)
	b := setup(t, accessapp.Policy{Enabled: true, Environments: environments})
	web := []accessapp.Grant{{Role: "evaluator", Environments: []string{"production"}}}
	token, attributes := b.issued(t, accessapp.Issue{Name: "web", Grants: web})
	assert.Equal(t, []scope.Environment{fixture.Production(t)}, attributes.Grants[0].Area.Environments)
	caller, err := b.Authenticate(t.Context(), token, nil)
	require.NoError(t, err)
	require.NoError(t, caller.Require(access.EvaluateFlag, access.Resource{Environment: fixture.Production(t)}))
	require.ErrorIs(t, caller.Require(access.EvaluateFlag, access.Resource{}), access.ErrForbidden)
	for name, grant := range map[string]accessapp.Grant{
		"grants[0].environments": {Role: "evaluator"},
		"grants[0].reveal":       {Role: "evaluator", Environments: []string{"production"}, Reveal: true},
	} {
		_, err := b.Issue(t.Context(), fixture.Operator(), accessapp.Issue{Name: "web", Grants: []accessapp.Grant{grant}})
		require.ErrorIs(t, err, fault.ErrInvalid, name)
		assert.Equal(t, name, fault.Of(err).Fields()[0].Name)
	}
	nowhere := []accessapp.Grant{{Role: "reader", Environments: []string{"nowhere"}}}
	_, err = b.Issue(t.Context(), fixture.Operator(), accessapp.Issue{Name: "web", Grants: nowhere})
	require.ErrorIs(t, err, fault.ErrInvalid)
	everywhere := []accessapp.Grant{{Role: "evaluator", Environments: []string{accessapp.Everything}}}
	_, attributes = b.issued(t, accessapp.Issue{Name: "web", Grants: everywhere})
	assert.True(t, attributes.Grants[0].Area.IsAll())
}
