package rediscache_test

import (
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/rediscache"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/contract"
)

func openClaims(t *testing.T, b backend, timeout time.Duration) *rediscache.LimitClaims {
	t.Helper()
	epoch := func() string { return "0123456789abcdef" }
	if b.epoch != nil {
		epoch = b.epoch.Present
	}
	claims := rediscache.OpenLimitClaims(rediscache.Options{
		Address: b.address, Prefix: b.prefix, Epoch: epoch, Timeout: timeout,
	})
	t.Cleanup(func() { require.NoError(t, claims.Close()) })
	return claims
}

func TestLimitClaimsContract(t *testing.T) {
	t.Parallel()
	for name, begin := range backends() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			contract.LimitClaims(t, func(t *testing.T) ports.LimitClaims {
				return openClaims(t, begin(t), time.Minute)
			}, nil)
		})
	}
}

func TestLimitClaims(t *testing.T) {
	t.Parallel()
	mine := ports.PublishedClaims{Sequence: 1, Claims: []ports.LimitClaim{{ID: 1, Share: 2, Demand: 3}}}

	t.Run("claims of another epoch are not returned, and all expire after a minute", func(t *testing.T) {
		t.Parallel()
		for name, begin := range backends() {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				b := begin(t)
				c := openClaims(t, b, time.Minute)
				_, err := c.Exchange(t.Context(), "one", mine)
				require.NoError(t, err)
				key := b.prefix + "registry:" + b.epoch.Present() + ":limits"
				left, err := clientOf(t, b).PTTL(t.Context(), key).Result()
				require.NoError(t, err)
				assert.InDelta(t, time.Minute, left, float64(5*time.Second))
				b.epoch.Begin()
				others, err := c.Exchange(t.Context(), "other", mine)
				require.NoError(t, err)
				assert.Empty(t, others)
				b.epoch.Forget()
				_, err = c.Exchange(t.Context(), "other", mine)
				require.ErrorIs(t, err, registry.ErrLeasesUnavailable)
			})
		}
	})
	t.Run("fields of another form are ignored, and a key of another type is replaced", func(t *testing.T) {
		t.Parallel()
		b := mini(t)
		c, client := openClaims(t, b, time.Minute), clientOf(t, b)
		key := b.prefix + "registry:" + b.epoch.Present() + ":limits"
		for field, text := range map[string]string{"empty": "", "short": "\x01", "odd": "\x0112345678odd", "later": "\x0212345678"} {
			require.NoError(t, client.HSet(t.Context(), key, field, text).Err())
		}
		others, err := c.Exchange(t.Context(), "one", mine)
		require.NoError(t, err)
		assert.Empty(t, others)
		require.NoError(t, client.Set(t.Context(), key, "text", 0).Err())
		_, err = c.Exchange(t.Context(), "one", mine)
		require.Error(t, err)
		_, err = c.Exchange(t.Context(), "one", mine)
		require.NoError(t, err)
	})
	t.Run("while Redis is unavailable the circuit is open, and closes afterwards", func(t *testing.T) {
		t.Parallel()
		server := miniredis.RunT(t)
		c := openClaims(t, backend{address: server.Addr()}, 0)
		server.Close()
		for range 5 {
			_, err := c.Exchange(t.Context(), "one", mine)
			require.ErrorIs(t, err, registry.ErrLeasesUnavailable)
		}
		require.ErrorContains(t, c.Withdraw(t.Context(), "one"), "circuit breaker is open")
		require.NoError(t, server.Restart())
		require.Eventually(t, func() bool {
			_, err := c.Exchange(t.Context(), "one", mine)
			return err == nil
		}, time.Minute, 10*time.Millisecond)
	})
}

func FuzzLimitClaims(f *testing.F) {
	f.Add("")
	f.Add("\x0112345678" + "1234567812341234")
	f.Fuzz(func(t *testing.T, text string) {
		p, ok := rediscache.DecodeClaimsForTest(text)
		if !ok {
			t.Skip()
		}
		again, ok := rediscache.DecodeClaimsForTest(string(rediscache.EncodeClaimsForTest(p)))
		assert.True(t, ok)
		assert.Equal(t, p, again)
	})
}
