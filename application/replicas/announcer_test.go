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

// noKeys is the ring of a replica without encryption.
type noKeys struct{}

func (noKeys) Fingerprint() string    { return "" }
func (noKeys) Fingerprints() []string { return nil }
func (noKeys) Use(string)             {}

// keys is a ring of named keys.
type keys struct {
	list    []string
	current string
}

func (k *keys) Fingerprint() string    { return k.current }
func (k *keys) Fingerprints() []string { return k.list }
func (k *keys) Use(fingerprint string) { k.current = fingerprint }

func TestAKeyIsCurrentWhenEveryReplicaHasIt(t *testing.T) {
	t.Parallel()
	store := fixture.NewReplicas()
	announcer := func(id string, ring *keys) *replicas.Announcer {
		return replicas.New(store, ports.Replica{ID: id, Version: "1.0"}, ring)
	}
	announce := func(a *replicas.Announcer) {
		t.Helper()
		require.NoError(t, a.Announce(t.Context()))
	}
	older, newer := &keys{[]string{"old"}, "old"}, &keys{[]string{"new", "old"}, "new"}
	first, second := announcer("1", older), announcer("2", newer)
	announce(first)
	announce(second)
	assert.Equal(t, "old", newer.current)
	require.Len(t, second.Conditions(), 1)
	assert.Equal(t, "encryption_keys_differ", second.Conditions()[0].Name)
	assert.Contains(t, second.Conditions()[0].Message, "Replica 1 (version 1.0) lacks the encryption key new")
	serving, err := store.Serving(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "old", serving[1].Current, "a change of the current key is announced at once")

	require.NoError(t, first.Leave(t.Context()))
	restarted := &keys{[]string{"new", "old"}, "new"}
	third := announcer("3", restarted)
	announce(third)
	announce(second)
	assert.Equal(t, []string{"new", "new"}, []string{newer.current, restarted.current})
	assert.Empty(t, second.Conditions())

	announce(first)
	only := &keys{[]string{"new", "old"}, "new"}
	require.NoError(t, replicas.Alone(store, ports.Replica{ID: "4"}, only).Announce(t.Context()))
	assert.Equal(t, "new", only.current, "no other replica can serve beside it")
}

func TestAnnouncer(t *testing.T) {
	t.Parallel()
	store := fixture.NewReplicas()
	announcer := func(id, environments string) *replicas.Announcer {
		return replicas.New(store, ports.Replica{ID: id, Version: "1.0", Environments: environments}, noKeys{})
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
