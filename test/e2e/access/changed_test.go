package access_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
)

// refusedWithin makes a key on one replica, uses it on the other, revokes it on the first,
// and returns after how long the other refuses it. The key was read right before: without
// notifications it would be accepted for two seconds.
func refusedWithin(t *testing.T, one *world, other e2etest.Client) time.Duration {
	t.Helper()
	c, id := one.key(t, e2etest.Object{"role": "reader"})
	c.URL = other.URL
	c.Get(t, configPath).Want(t, http.StatusOK)
	one.admin.Delete(t, keysPath+id).Want(t, http.StatusNoContent)
	revoked := time.Now()
	require.Eventually(t, func() bool {
		return c.Get(t, configPath).Status == http.StatusUnauthorized
	}, e2etest.Timeout, time.Millisecond)
	return time.Since(revoked)
}

// TestKeyChangesWakeReplicas revokes keys on one replica that are fresh on the other, which
// refuses them long before it would look them up. Nothing of it is in the feed or in Kafka.
func TestKeyChangesWakeReplicas(t *testing.T) {
	t.Parallel()
	for name, fresh := range e2etest.Kafkas() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			databaseURL, k := e2etest.NewPostgres(t), fresh(t)
			one := newWorld(t, databaseURL, k.Environ()...)
			other := e2etest.Boot(t, databaseURL, k.Environ()...).Admin(t)
			const fast = 500 * time.Millisecond
			require.Eventually(t, func() bool { return refusedWithin(t, one, other) < fast },
				e2etest.Timeout, time.Millisecond, "the other replica does not listen")
			slow := 0
			for range 5 {
				took := refusedWithin(t, one, other)
				t.Logf("refused %s after the revocation", took)
				if took >= fast {
					slow++
				}
			}
			assert.LessOrEqual(t, slow, 1, "the machine is shared with other tests")

			_, id := one.key(t, grant("reader", false))
			path, _ := one.configuration(t, own) // two changes
			one.admin.AwaitPublished(t, 2)
			for _, c := range []e2etest.Client{one.admin, other} {
				feed := c.Get(t, "/api/v1/changes?since=0").Want(t, http.StatusOK)
				assert.NotContains(t, feed.Text(), id)
				assert.Contains(t, feed.Text(), strings.TrimPrefix(path, configPath))
			}
			for _, m := range k.AwaitMessages(t, one.admin.Health(t).Feed.Revision) {
				assert.True(t, strings.HasPrefix(m.Data.EventType, "configuration."), m.Data.EventType)
			}
			assert.EqualValues(t, 2, one.admin.Health(t).Feed.Revision)
		})
	}
}
