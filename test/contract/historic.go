package contract

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/secret"
	"github.com/signalbox-hq/signalbox/domain/versioned"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

func historyBehaviours() []behaviour[Stored] {
	return []behaviour[Stored]{
		{"an entry contains the values before and after", entryHoldsValues},
	}
}

// threeVersions saves a creation, an update a minute later and a deletion after
// another minute.
func threeVersions(t *testing.T, s Stored) *configuration.Configuration {
	t.Helper()
	c := fixture.Configuration(t, fixture.Described(t, "first"))
	s.save(t, c)
	_, err := c.Update(fixture.Draft(t, "second"), later(time.Minute))
	require.NoError(t, err)
	s.save(t, c)
	require.NoError(t, c.Delete(later(2*time.Minute)))
	s.save(t, c)
	return c
}

func entryHoldsValues(t *testing.T, s Stored) {
	c := threeVersions(t, s)
	entry, err := s.History.Entry(t.Context(), c.ID(), 2)
	require.NoError(t, err)
	assert.Positive(t, entry.ID)
	assert.Equal(t, configuration.HistoryEntry{
		Entry: versioned.Entry[configuration.ID]{
			ID: entry.ID, AggregateID: c.ID(), Version: 2, Action: scope.ActionUpdate, Stamp: later(time.Minute),
		},
		Old: fixture.Plain(t, "value"), New: fixture.Plain(t, "second"),
	}, entry)
	first, err := s.History.Entry(t.Context(), c.ID(), 1)
	require.NoError(t, err)
	assert.True(t, first.Old.IsZero())
	text, given := first.Description.Text()
	assert.Equal(t, "first", text)
	assert.True(t, given)
	last, err := s.History.Entry(t.Context(), c.ID(), 3)
	require.NoError(t, err)
	assert.Equal(t, scope.ActionDelete, last.Action)
	assert.Equal(t, fixture.Plain(t, "second"), last.Old)
	assert.True(t, last.New.IsZero())
}

func sealingBehaviours() []behaviour[Stored] {
	return []behaviour[Stored]{
		{"sealing the history seals every earlier value in the same save", sealingSealsAll},
		{"a history longer than a page is sealed to its end", sealingALongHistory},
		{"a sealer that fails leaves everything as it was", failingSealer},
	}
}

var errSealer = errors.New("no key")

// seal marks its input instead of encrypting it.
func seal(plain configuration.Content) (configuration.Content, error) {
	return configuration.Sealed("sealed(" + plain.Stored().Reveal() + ")"), nil
}

// turnEncryptionOn returns the configuration with its value sealed, unsaved. The
// store will seal the earlier entries with sealer.
func turnEncryptionOn(
	t *testing.T, s Stored, id configuration.ID, sealer configuration.Sealer,
) *configuration.Configuration {
	t.Helper()
	c := s.find(t, id)
	sealed, err := seal(c.Content())
	require.NoError(t, err)
	_, err = c.Update(configuration.Draft{Content: sealed}, fixture.Stamp())
	require.NoError(t, err)
	require.True(t, c.NeedsSealing())
	require.NoError(t, c.SealHistoryWith(sealer))
	return c
}

func sealingSealsAll(t *testing.T, s Stored) {
	other := fixture.Configuration(t, fixture.Key("other"))
	c := fixture.Configuration(t)
	s.save(t, c, other)
	s.save(t, updated(t, s, c.ID(), "second"))
	s.save(t, turnEncryptionOn(t, s, c.ID(), seal))

	entries, _, err := allEntries(t, s.History, c.ID(), 10, 0)
	require.NoError(t, err)
	require.Len(t, entries, 3)
	for _, e := range entries {
		assert.True(t, e.Encrypted)
		assert.True(t, e.New.Encrypted())
		assert.True(t, e.Old.IsZero() || e.Old.Encrypted())
	}
	assert.Equal(t, secret.New("sealed(value)"), entries[1].Old.Stored())
	assert.Equal(t, secret.New("sealed(second)"), entries[1].New.Stored())
	assert.Equal(t, secret.New("sealed(second)"), entries[0].Old.Stored())
	assert.True(t, s.find(t, c.ID()).Content().Encrypted())
	untouched, err := s.History.Entry(t.Context(), other.ID(), 1)
	require.NoError(t, err)
	assert.False(t, untouched.Encrypted)
}

func sealingALongHistory(t *testing.T, s Stored) {
	c := fixture.Configuration(t)
	for i := range 130 {
		_, err := c.Update(fixture.Draft(t, fixture.Long(i)), fixture.Stamp())
		require.NoError(t, err)
	}
	s.save(t, c)
	s.save(t, turnEncryptionOn(t, s, c.ID(), seal))
	entries, total, err := allEntries(t, s.History, c.ID(), 1000, 0)
	require.NoError(t, err)
	assert.Equal(t, 132, total)
	for _, e := range entries {
		assert.True(t, e.New.Encrypted() && e.Encrypted, "version %d", e.Version)
	}
}

func failingSealer(t *testing.T, s Stored) {
	c := fixture.Configuration(t)
	s.save(t, c)
	calls := 0
	failing := func(plain configuration.Content) (configuration.Content, error) {
		if calls++; calls > 1 { // the first call is for the unsaved entry
			return configuration.Content{}, errSealer
		}
		return seal(plain)
	}
	require.ErrorIs(t, s.Repository.Save(t.Context(), turnEncryptionOn(t, s, c.ID(), failing)), errSealer)
	assert.False(t, s.find(t, c.ID()).Content().Encrypted())
	entry, err := s.History.Entry(t.Context(), c.ID(), 1)
	require.NoError(t, err)
	assert.Equal(t, fixture.Plain(t, "value"), entry.New)
	assert.Equal(t, []configuration.Version{1}, s.versions(t, c.ID()))
	assert.Len(t, s.events(t), 1)
}
