package contract

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/ports"
)

// Announced is a store of replicas, and how the suite lets time pass in it.
type Announced struct {
	Replicas ports.Replicas
	// Age makes every announcement older.
	Age func(context.Context, time.Duration) error
}

// Replicas holds stores to ports.Replicas, on empty ones that fresh returns.
func Replicas(t *testing.T, fresh func(*testing.T) Announced, without Without) {
	t.Helper()
	run(t, replicasSuite(), fresh, without)
}

func replicasSuite() []behaviour[Announced] {
	return []behaviour[Announced]{
		{"the others are returned in the order of their ids", announcedInOrder},
		{"a later announcement replaces the earlier one", announcedOverAgain},
		{"a replica that left is not returned", announcedAndLeft},
		{"a replica that was not announced for the term is not returned", announcedLongAgo},
		{"the keys of a replica are those that it announced last", announcedKeys},
	}
}

func announce(t *testing.T, a Announced, id, environments string) []ports.Replica {
	t.Helper()
	others, err := a.Replicas.Announce(t.Context(), ports.Replica{ID: id, Version: "1.0", Environments: environments})
	require.NoError(t, err)
	return others
}

func announcedInOrder(t *testing.T, a Announced) {
	assert.Empty(t, announce(t, a, "b", "x"))
	assert.Len(t, announce(t, a, "c", "x"), 1)
	assert.Equal(t, []ports.Replica{
		{ID: "b", Version: "1.0", Environments: "x"}, {ID: "c", Version: "1.0", Environments: "x"},
	}, announce(t, a, "a", "x"))
}

func announcedOverAgain(t *testing.T, a Announced) {
	announce(t, a, "a", "x")
	announce(t, a, "a", "x,y")
	assert.Equal(t, []ports.Replica{{ID: "a", Version: "1.0", Environments: "x,y"}}, announce(t, a, "b", "x"))
}

func announcedAndLeft(t *testing.T, a Announced) {
	announce(t, a, "a", "x")
	require.NoError(t, a.Replicas.Leave(t.Context(), "a"))
	require.NoError(t, a.Replicas.Leave(t.Context(), "a"))
	assert.Empty(t, announce(t, a, "b", "x"))
}

func announcedLongAgo(t *testing.T, a Announced) {
	announce(t, a, "a", "x")
	require.NoError(t, a.Age(t.Context(), ports.ReplicaTerm-10*time.Second))
	assert.Len(t, announce(t, a, "b", "x"), 1)
	require.NoError(t, a.Age(t.Context(), 11*time.Second))
	serving, err := a.Replicas.Serving(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []ports.Replica{{ID: "b", Version: "1.0", Environments: "x"}}, serving, "also before that is noticed")
	assert.Equal(t, []ports.Replica{{ID: "b", Version: "1.0", Environments: "x"}}, announce(t, a, "c", "x"))
}

func announcedKeys(t *testing.T, a Announced) {
	one := ports.Replica{ID: "a", Version: "1.0", Environments: "x", Keys: "0123456789abcdef,1123456789abcdef", Current: "1123456789abcdef"}
	_, err := a.Replicas.Announce(t.Context(), one)
	require.NoError(t, err)
	assert.Equal(t, []string{"0123456789abcdef", "1123456789abcdef"}, announce(t, a, "b", "x")[0].Ring())
	one.Current = "0123456789abcdef"
	_, err = a.Replicas.Announce(t.Context(), one)
	require.NoError(t, err)
	serving, err := a.Replicas.Serving(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []ports.Replica{one, {ID: "b", Version: "1.0", Environments: "x"}}, serving)
}
