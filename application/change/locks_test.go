package change_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/change"
)

func TestLocks(t *testing.T) {
	t.Parallel()
	ended, cancel := context.WithCancel(t.Context())
	cancel()

	t.Run("a locked key is locked for others until it is released", func(t *testing.T) {
		t.Parallel()
		var locks change.Locks[string]
		release, err := locks.Lock(t.Context(), "a")
		require.NoError(t, err)
		_, err = locks.Lock(ended, "a")
		require.ErrorIs(t, err, context.Canceled)
		release()
		release, err = locks.Lock(t.Context(), "a")
		require.NoError(t, err)
		release()
	})

	t.Run("keys do not lock each other", func(t *testing.T) {
		t.Parallel()
		var locks change.Locks[string]
		for _, key := range []string{"a", "b"} {
			release, err := locks.Lock(t.Context(), key)
			require.NoError(t, err)
			defer release()
		}
	})

	t.Run("waiters get the lock one after the other", func(t *testing.T) {
		t.Parallel()
		var locks change.Locks[string]
		first, err := locks.Lock(t.Context(), "a")
		require.NoError(t, err)
		taken, done, holders := make(chan struct{}), make(chan struct{}), 0
		for range 8 {
			go func() {
				release, err := locks.Lock(context.WithoutCancel(t.Context()), "a")
				if err == nil {
					holders++
					if holders == 8 {
						close(done)
					}
					release()
				}
				taken <- struct{}{}
			}()
		}
		first()
		for range 8 {
			<-taken
		}
		<-done
		assert.Equal(t, 8, holders)
	})
}
