package contract

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Members tests implementations of registry.Members, on empty ones that fresh returns.
func Members(t *testing.T, fresh func(*testing.T) LeaseStore, without Without) {
	t.Helper()
	run(t, membersSuite(), fresh, without)
}

func membersSuite() []behaviour[LeaseStore] {
	return []behaviour[LeaseStore]{
		{"an announced replica is alive, with all others, in the order of their names", announcedLive},
		{"a replica is alive for its ttl, and not longer", announcedOnce},
		{"announcing again replaces the ttl", announcedAgain},
		{"replicas with odd names are distinct", oddReplicas},
		{"16 concurrently announced replicas are all alive", announcedTogether},
		{"an announcement with an ended context is an error and changes nothing", endedAnnouncement},
	}
}

func (s LeaseStore) announce(t *testing.T, replica string, ttl time.Duration) []string {
	t.Helper()
	live, err := s.Announce(t.Context(), replica, ttl)
	require.NoError(t, err)
	return live
}

func announcedLive(t *testing.T, s LeaseStore) {
	assert.Equal(t, []string{"m"}, s.announce(t, "m", lasting))
	assert.Equal(t, []string{"m", "z"}, s.announce(t, "z", 3*lasting))
	assert.Equal(t, []string{"a", "m", "z"}, s.announce(t, "a", 2*lasting))
	assert.Equal(t, []string{"a", "m", "z"}, s.announce(t, "m", lasting))
	assert.Equal(t, []string{"B", "a", "m", "z"}, s.announce(t, "B", lasting))
}

func announcedOnce(t *testing.T, s LeaseStore) {
	s.announce(t, "brief", brief)
	s.announce(t, "while", aWhile)
	s.Advance(brief)
	assert.Equal(t, []string{"lasting", "while"}, s.announce(t, "lasting", lasting))
	s.Advance(aWhile)
	assert.Equal(t, []string{"lasting"}, s.announce(t, "lasting", lasting))
}

func announcedAgain(t *testing.T, s LeaseStore) {
	s.announce(t, "longer", brief)
	s.announce(t, "less", lasting)
	s.announce(t, "longer", lasting)
	s.announce(t, "less", brief)
	s.Advance(brief)
	assert.Equal(t, []string{"longer", "only"}, s.announce(t, "only", lasting))
	assert.Equal(t, []string{"less", "longer", "only"}, s.announce(t, "less", lasting))
}

func oddReplicas(t *testing.T, s LeaseStore) {
	names := []string{"a", "A", "a:b", "a b", "ä", "0", "00", "1e2", "{a}", "a\nb", "*", strings.Repeat("x", 300)}
	var live []string
	for _, name := range names {
		live = s.announce(t, name, lasting)
	}
	slices.Sort(names)
	assert.Equal(t, names, live)
}

func announcedTogether(t *testing.T, s LeaseStore) {
	var names []string
	for i := range writers {
		names = append(names, strconv.Itoa(i))
	}
	for _, err := range together(writers, func(i int) error {
		live, err := s.Announce(t.Context(), names[i], lasting)
		assert.Contains(t, live, names[i])
		return err
	}) {
		require.NoError(t, err)
	}
	live := s.announce(t, names[0], lasting)
	slices.Sort(names)
	assert.Equal(t, names, live)
}

func endedAnnouncement(t *testing.T, s LeaseStore) {
	_, err := s.Announce(endedContext(t), "a", lasting)
	require.Error(t, err)
	assert.Equal(t, []string{"b"}, s.announce(t, "b", lasting))
}
