package rediscache_test

import (
	"errors"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/rediscache"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// clusters returns stores of two clusters on one Redis, each with an epoch of its own.
func clusters(t *testing.T, b backend) (one, other *rediscache.Store, otherEpoch *fixture.Epoch) {
	t.Helper()
	second := b
	second.epoch = fixture.NewEpoch()
	second.epoch.Begin()
	return open(t, b), open(t, second), second.epoch
}

func isShared(err error) bool { return errors.As(err, new(*rediscache.SharedError)) }

func TestClusters(t *testing.T) {
	t.Parallel()

	t.Run("two clusters on one Redis detect each other, and the end of the other", func(t *testing.T) {
		t.Parallel()
		b := mini(t)
		one, other, otherEpoch := clusters(t, b)
		var err, otherErr error
		for range 7 {
			b.advance(time.Second)
			err, otherErr = one.Claim(t.Context()), other.Claim(t.Context())
		}
		require.True(t, isShared(err) && isShared(otherErr), "%v, %v", err, otherErr)
		require.ErrorContains(t, err, otherEpoch.Present())
		require.Len(t, one.Conditions(), 1)
		assert.Equal(t, "redis_shared", one.Conditions()[0].Name)
		for range 6 {
			b.advance(time.Second)
			err = one.Claim(t.Context())
		}
		require.NoError(t, err)
		assert.Empty(t, one.Conditions())
	})

	t.Run("replicas that enter a new epoch one after the other are one cluster", func(t *testing.T) {
		t.Parallel()
		b := mini(t)
		one, other, otherEpoch := clusters(t, b)
		otherEpoch.Begin()
		for n := range 20 {
			b.advance(time.Second)
			if n == 3 {
				b.epoch.Begin()
				b.epoch.Begin()
			}
			require.NoError(t, one.Claim(t.Context()))
			require.NoError(t, other.Claim(t.Context()))
		}
	})

	t.Run("no cluster renews, expires or removes leases of the other", func(t *testing.T) {
		t.Parallel()
		for name, begin := range backends() {
			b := begin(t)
			one, other, _ := clusters(t, b)
			brief, lasting := grant(t), grant(t)
			brief.TTL = 10 * time.Millisecond
			lasting.Epoch = 9
			require.NoError(t, one.Grant(t.Context(), brief), name)
			require.NoError(t, other.Grant(t.Context(), lasting), name)
			b.advance(brief.TTL)

			for _, s := range []*rediscache.Store{one, other} {
				due, err := s.Due(t.Context(), replica, 10)
				require.NoError(t, err)
				assert.True(t, due.Elected, "each has its own election")
				assert.Len(t, due.Overdue, map[bool]int{true: 1}[s == one])
				if s == one {
					expired, err := s.Expire(t.Context(), due.Overdue...)
					require.NoError(t, err)
					assert.Equal(t, []bool{true}, expired)
					require.NoError(t, s.Remove(t.Context(), registry.LeaseKey{Key: lasting.Key, Epoch: 99}))
				}
			}
			renewed, err := other.Renew(t.Context(), registry.Renewal{LeaseKey: lasting.LeaseKey})
			require.NoError(t, err)
			assert.Equal(t, registry.LeaseRenewed, renewed[0].Outcome)
			assert.False(t, renewed[0].HadExpired)
			for _, s := range []*rediscache.Store{one, other} {
				live, err := s.Announce(t.Context(), map[bool]string{true: "x", false: "y"}[s == one], time.Minute)
				require.NoError(t, err)
				assert.Len(t, live, 1)
			}
		}
	})

	t.Run("keys of an epoch that ended an hour ago are deleted, and no others", func(t *testing.T) {
		t.Parallel()
		b := mini(t)
		client := clientOf(t, b)
		one := open(t, b)
		require.NoError(t, one.Claim(t.Context()))
		require.NoError(t, one.Grant(t.Context(), grant(t)))
		before := b.epoch.Present()
		b.epoch.Begin()
		require.NoError(t, one.Grant(t.Context(), grant(t)))
		require.NoError(t, client.Set(t.Context(), "registry:other", "x", 0).Err())
		require.NoError(t, client.ZAdd(t.Context(), "registry:epochs", invalidMember("*")).Err())
		for range 10 {
			require.NoError(t, one.Claim(t.Context()))
		}
		assert.NotEmpty(t, client.Keys(t.Context(), "registry:"+before+":*").Val())
		b.advance(time.Hour)
		for range 10 {
			require.NoError(t, one.Claim(t.Context()))
		}
		assert.Empty(t, client.Keys(t.Context(), "registry:"+before+":*").Val())
		assert.Equal(t, []string{b.epoch.Present()}, client.ZRange(t.Context(), "registry:epochs", 0, -1).Val())
		assert.Equal(t, int64(1), client.Exists(t.Context(), "registry:other").Val())
		renewed, err := one.Renew(t.Context(), registry.Renewal{LeaseKey: grant(t).LeaseKey})
		require.NoError(t, err)
		assert.Equal(t, registry.LeaseRenewed, renewed[0].Outcome)
	})
}

// TestRefusals makes Redis refuse commands for each reason that operators distinguish.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for answer, why := range map[string]error{
		"OOM command not allowed when used memory > 'maxmemory'.":                         rediscache.ErrFull,
		"READONLY You can't write against a read only replica.":                           rediscache.ErrReadOnly,
		"ERR Error running script (call to f_1): @user_script:1: @user_script: 1: -OOM x": rediscache.ErrFull,
		"LOADING Redis is loading the dataset in memory":                                  rediscache.ErrLoading,
		"MISCONF Redis is configured to save RDB snapshots":                               rediscache.ErrNotSaving,
		"NOAUTH Authentication required.":                                                 rediscache.ErrDenied,
	} {
		server := miniredis.RunT(t)
		store := open(t, backend{address: server.Addr(), epoch: fixture.NewEpoch()})
		server.SetError(answer)
		err := store.Grant(t.Context(), grant(t))
		require.ErrorIs(t, err, registry.ErrLeasesUnavailable, answer)
		require.ErrorIs(t, err, why, answer)
		_, err = store.Renew(t.Context(), registry.Renewal{LeaseKey: grant(t).LeaseKey})
		require.ErrorIs(t, err, why, answer)
		_, err = store.Due(t.Context(), replica, 1)
		require.ErrorIs(t, err, why, answer)
		require.ErrorIs(t, store.Ping(t.Context()), why, answer)

		require.ErrorIs(t, store.Claim(t.Context()), why, answer)
		require.Equal(t, []ports.Condition{
			{Name: "redis_writes_failing", Part: "redis", Message: why.Error()},
		}, store.Conditions())
		server.SetError("")
		require.NoError(t, store.Claim(t.Context()))
		require.Empty(t, store.Conditions())
	}
}
