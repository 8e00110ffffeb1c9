package lifecycle_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
)

// policy returns the limit of keys that a replica enforces for the key of a client.
func policy(t *testing.T, c e2etest.Client) string {
	t.Helper()
	return c.Get(t, listing).Header.Get("RateLimit-Policy")
}

// awaitPolicy waits for a limit of 200 per second times a fraction, within a percent.
func awaitPolicy(t *testing.T, c e2etest.Client, fraction float64, within time.Duration) {
	t.Helper()
	var last string
	require.Eventually(t, func() bool {
		last = policy(t, c)
		var q int
		_, err := fmt.Sscanf(last, `"key";q=%d;`, &q)
		return err == nil && float64(q) >= 200*fraction-2 && float64(q) <= 200*fraction+2
	}, within, e2etest.PollInterval, "%s is not %v", &last, fraction)
}

// press sends requests until the test ends or stop is called.
func press(t *testing.T, c e2etest.Client) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var senders sync.WaitGroup
	for range 4 {
		senders.Go(func() {
			for ctx.Err() == nil {
				_, _ = c.Try(ctx, http.MethodGet, listing, nil)
				select {
				case <-ctx.Done():
				case <-time.After(5 * time.Millisecond):
				}
			}
		})
	}
	stop = func() { cancel(); senders.Wait() }
	t.Cleanup(stop)
	return stop
}

// TestSharesFollowDemand divides a limit between two replicas by the demand of a key, and
// equally while Redis is unavailable.
func TestSharesFollowDemand(t *testing.T) {
	t.Parallel()
	databaseURL := e2etest.NewPostgres(t)
	shared, gate := e2etest.NewRedis(t).Behind(t)
	environ := append(shared.Environ(t), "RATE_LIMIT_KEY_PER_SECOND=200")
	first, stopFirst := e2etest.Run(t, databaseURL, environ...)
	one := first.Reader(t)
	second := e2etest.Boot(t, databaseURL, environ...)
	other := one
	other.URL = second.URL

	stop := press(t, one)
	awaitPolicy(t, one, 0.95, e2etest.Timeout)
	awaitPolicy(t, other, 0.05, e2etest.Timeout)

	stop()
	stop = press(t, other)
	awaitPolicy(t, other, 0.95, e2etest.Timeout)
	awaitPolicy(t, one, 0.05, e2etest.Timeout)

	keys, err := shared.Client.Keys(t.Context(), "registry:*:limits").Result()
	require.NoError(t, err)
	require.Len(t, keys, 1)
	fields, err := shared.Client.HGetAll(t.Context(), keys[0]).Result()
	require.NoError(t, err)
	assert.Len(t, fields, 2)
	for _, text := range fields {
		assert.NotContains(t, text, strings.Split(one.Key, "_")[1])
	}

	gate.Close()
	closed := time.Now()
	awaitPolicy(t, other, 0.5, time.Second+e2etest.PropagationBound)
	awaitPolicy(t, one, 0.5, e2etest.PropagationBound)
	t.Logf("limits were equal %s after the loss of Redis", time.Since(closed))
	gate.Open(t)
	awaitPolicy(t, other, 0.95, e2etest.Timeout)
	stop()
	stopFirst()
	fields, err = shared.Client.HGetAll(t.Context(), keys[0]).Result()
	require.NoError(t, err)
	assert.Len(t, fields, 1, "a replica that stops withdraws its claims")
}
