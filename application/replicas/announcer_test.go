package replicas_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/application/replicas"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

func TestAnnouncer(t *testing.T) {
	t.Parallel()
	store := fixture.NewReplicas()
	announcer := func(id, environments string) *replicas.Announcer {
		return replicas.New(store, ports.Replica{ID: id, Version: "1.0", Environments: environments})
	}
	one, same, other := announcer("1", "a,b"), announcer("2", "a,b"), announcer("3", "a")
	announce := func(a *replicas.Announcer) {
		t.Helper()
		require.NoError(t, a.Announce(t.Context()))
	}

	assert.Equal(t, 1, one.Serving())
	announce(same)
	announce(one)
	assert.Equal(t, 2, one.Serving())
	assert.Empty(t, one.Conditions(), "replicas with the same environments are no condition")

	announce(other)
	announce(one)
	require.Len(t, one.Conditions(), 1)
	condition := one.Conditions()[0]
	assert.Equal(t, "environments_differ", condition.Name)
	assert.Equal(t, int64(1), condition.Count)
	assert.Contains(t, condition.Message, `"a,b" here and "a" on replica 3 (version 1.0)`)
	announce(other)
	assert.Equal(t, int64(2), other.Conditions()[0].Count, "each of them names the others")

	store.SetDown(true)
	require.ErrorIs(t, one.Announce(t.Context()), fault.ErrUnavailable)
	assert.Len(t, one.Conditions(), 1, "the last comparison stays")
	assert.Equal(t, 3, one.Serving())
	store.SetDown(false)

	require.NoError(t, other.Leave(t.Context()))
	announce(one)
	assert.Empty(t, one.Conditions(), "a replica that left is not compared")
	assert.Equal(t, 2, one.Serving())
}
