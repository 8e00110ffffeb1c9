package contract

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

func partBehaviours() []behaviour[Stored] {
	return []behaviour[Stored]{
		{"a page of many bytes comes in parts that join to the whole", partsJoin},
		{"what is written while a page is read moves nothing in it", partsStayPut},
		{"a history of many bytes comes in parts that join to the whole", historyPartsJoin},
		{"a part that cannot be read is an error, and no end", partsFail},
	}
}

// wholeHistory returns all parts of a page of a configuration's history.
func wholeHistory(
	t *testing.T, h configuration.History, id configuration.ID, limit, offset int,
) ([]configuration.HistoryEntry, int, error) {
	t.Helper()
	page, err := h.Entries(t.Context(), id, limit, offset)
	all, total := page.Entries, page.Total
	for err == nil && page.Next != nil {
		page, err = page.Next(t.Context())
		assert.Equal(t, total, page.Total)
		all = append(all, page.Entries...)
	}
	return all, total, err
}

// wholeFlagHistory is wholeHistory of a flag.
func wholeFlagHistory(
	t *testing.T, h flag.History, id flag.ID, limit, offset int,
) ([]flag.HistoryEntry, int, error) {
	t.Helper()
	page, err := h.Entries(t.Context(), id, limit, offset)
	all, total := page.Entries, page.Total
	for err == nil && page.Next != nil {
		page, err = page.Next(t.Context())
		assert.Equal(t, total, page.Total)
		all = append(all, page.Entries...)
	}
	return all, total, err
}

// third returns a value of which three fit into a part.
func third() string { return strings.Repeat("x", scope.PartBytes/3) }

func saveLarge(t *testing.T, s Stored, n int) {
	t.Helper()
	for i := range n {
		s.save(t, fixture.Configuration(t, fixture.Key(fmt.Sprint("k", i)), fixture.Holding(fixture.Plain(t, third()))))
	}
}

// partsOf returns the keys of each part of a page.
func partsOf(t *testing.T, page configuration.Page, total int) (parts [][]string) {
	t.Helper()
	for {
		assert.Equal(t, total, page.Total)
		assert.LessOrEqual(t, page.Bytes, scope.PartBytes)
		bytes, keys := 0, []string{}
		for _, c := range page.Configurations {
			keys = append(keys, c.Identity().Key.String())
			bytes += len(c.State().Content.Stored().Reveal())
		}
		assert.GreaterOrEqual(t, page.Bytes, bytes)
		parts = append(parts, keys)
		if page.Next == nil {
			return parts
		}
		var err error
		page, err = page.Next(t.Context())
		require.NoError(t, err)
	}
}

func partsJoin(t *testing.T, s Stored) {
	saveLarge(t, s, 6)
	page, err := s.Repository.List(t.Context(), configuration.Query{Limit: 5, Offset: 0})
	require.NoError(t, err)
	assert.Equal(t, [][]string{{"k0", "k1", "k2"}, {"k3", "k4"}}, partsOf(t, page, 6))
	page, err = s.Repository.List(t.Context(), configuration.Query{Limit: 5, Offset: 4})
	require.NoError(t, err)
	assert.Equal(t, [][]string{{"k4", "k5"}}, partsOf(t, page, 6))
}

func partsStayPut(t *testing.T, s Stored) {
	saveLarge(t, s, 6)
	page, err := s.Repository.List(t.Context(), configuration.Query{Limit: 10})
	require.NoError(t, err)
	s.save(t, fixture.Configuration(t, fixture.Key("a")))
	s.save(t, fixture.Configuration(t, fixture.Key("k2a")))
	gone, err := s.Repository.FindByIdentity(t.Context(), page.Configurations[0].Identity())
	require.NoError(t, err)
	require.NoError(t, gone.Delete(fixture.Stamp()))
	s.save(t, gone)
	late, err := s.Repository.List(t.Context(), configuration.Query{Limit: 1, Offset: 6})
	require.NoError(t, err)
	require.NoError(t, late.Configurations[0].Delete(fixture.Stamp()))
	s.save(t, late.Configurations...)
	assert.Equal(t, [][]string{{"k0", "k1", "k2"}, {"k3", "k4"}}, partsOf(t, page, 6), "k5 was deleted before its part was read")
}

func historyPartsJoin(t *testing.T, s Stored) {
	c := fixture.Configuration(t, fixture.Holding(fixture.Plain(t, third())))
	s.save(t, c)
	for i := range 4 {
		_, err := c.Update(fixture.Draft(t, third()+fmt.Sprint(i)), fixture.Stamp())
		require.NoError(t, err)
		s.save(t, c)
	}
	page, err := s.History.Entries(t.Context(), c.ID(), 10, 0)
	require.NoError(t, err)
	assert.Len(t, page.Entries, 1)
	require.NotNil(t, page.Next)
	all, total, err := wholeHistory(t, s.History, c.ID(), 10, 1)
	require.NoError(t, err)
	assert.Equal(t, 5, total)
	require.Len(t, all, 4)
	for i, e := range all {
		assert.Equal(t, configuration.Version(4-i), e.Version)
	}
}

func partsFail(t *testing.T, s Stored) {
	saveLarge(t, s, 4)
	page, err := s.Repository.List(t.Context(), configuration.Query{Limit: 10})
	require.NoError(t, err)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = page.Next(ended)
	require.Error(t, err)
}
