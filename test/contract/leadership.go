package contract

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/ports"
)

// Rivals are two processes that stand for election.
type Rivals struct{ One, Other ports.Leadership }

// Leadership tests leaderships against ports.Leadership, on rivals that fresh returns.
func Leadership(t *testing.T, fresh func(*testing.T) Rivals, without Without) {
	t.Helper()
	run(t, leadershipSuite(), fresh, without)
}

func leadershipSuite() []behaviour[Rivals] {
	return []behaviour[Rivals]{
		{"the first caller is elected, and stays the leader", firstIsElected},
		{"there are never two leaders", oneLeader},
		{"after a resignation another one is elected, and the former leader can be elected again", nextIsElected},
	}
}

func confirm(t *testing.T, l ports.Leadership) time.Duration {
	t.Helper()
	d, err := l.Confirm(t.Context())
	require.NoError(t, err)
	return d
}

func firstIsElected(t *testing.T, r Rivals) {
	for range 3 {
		assert.Positive(t, confirm(t, r.One))
	}
	require.NoError(t, r.One.Resign(t.Context()))
}

func oneLeader(t *testing.T, r Rivals) {
	assert.Positive(t, confirm(t, r.One))
	assert.Zero(t, confirm(t, r.Other))
	assert.Positive(t, confirm(t, r.One))
	assert.Zero(t, confirm(t, r.Other))
	require.NoError(t, r.Other.Resign(t.Context()))
	assert.Positive(t, confirm(t, r.One))
	require.NoError(t, r.One.Resign(t.Context()))
}

func nextIsElected(t *testing.T, r Rivals) {
	assert.Positive(t, confirm(t, r.One))
	require.NoError(t, r.One.Resign(t.Context()))
	assert.Eventually(t, func() bool { return confirm(t, r.Other) > 0 }, patience, time.Millisecond)
	assert.Zero(t, confirm(t, r.One))
	require.NoError(t, r.Other.Resign(t.Context()))
	assert.Eventually(t, func() bool { return confirm(t, r.One) > 0 }, patience, time.Millisecond)
	require.NoError(t, r.One.Resign(t.Context()))
	require.NoError(t, r.One.Resign(t.Context()))
}
