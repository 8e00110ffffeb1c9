package contract

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

func partBehaviours() []behaviour[Stored] {
	return []behaviour[Stored]{
		{"a page of many bytes comes in parts that join to the complete page", partsJoin},
		{"writes while a page is read do not shift it", partsStayPut},
		{"a history of many bytes comes in parts that join to the complete page", historyPartsJoin},
		{"a part that cannot be read is an error, and not the end", partsFail},
	}
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
		for _, c := range page.Items {
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
	page, err := s.Repository.List(t.Context(), configuration.Query{Window: scope.Window{Limit: 5}})
	require.NoError(t, err)
	assert.Equal(t, [][]string{{"k0", "k1", "k2"}, {"k3", "k4"}}, partsOf(t, page, 6))
	page, err = s.Repository.List(t.Context(), configuration.Query{Window: scope.Window{Limit: 5, Offset: 4}})
	require.NoError(t, err)
	assert.Equal(t, [][]string{{"k4", "k5"}}, partsOf(t, page, 6))
}

func partsStayPut(t *testing.T, s Stored) {
	saveLarge(t, s, 6)
	page, err := s.Repository.List(t.Context(), configuration.Query{Window: scope.Window{Limit: 10}})
	require.NoError(t, err)
	s.save(t, fixture.Configuration(t, fixture.Key("a")))
	s.save(t, fixture.Configuration(t, fixture.Key("k2a")))
	gone, err := s.Repository.FindByIdentity(t.Context(), page.Items[0].Identity())
	require.NoError(t, err)
	require.NoError(t, gone.Delete(fixture.Stamp()))
	s.save(t, gone)
	late, err := s.Repository.List(t.Context(), configuration.Query{Window: scope.Window{Limit: 1, Offset: 6}})
	require.NoError(t, err)
	require.NoError(t, late.Items[0].Delete(fixture.Stamp()))
	s.save(t, late.Items...)
	assert.Equal(t, [][]string{{"k0", "k1", "k2"}, {"k3", "k4"}}, partsOf(t, page, 6), "k5 was deleted before its part was read")
}

func historyPartsJoin(t *testing.T, s Stored) {
	c := fixture.Configuration(t, fixture.Holding(fixture.Plain(t, third())))
	s.save(t, c)
	for i := range 4 {
		_, err := c.Update(fixture.Draft(t, third()+strconv.Itoa(i)), fixture.Stamp())
		require.NoError(t, err)
		s.save(t, c)
	}
	page, err := s.History.Entries(t.Context(), c.ID(), scope.Window{Limit: 10})
	require.NoError(t, err)
	assert.Len(t, page.Items, 1)
	require.NotNil(t, page.Next)
	all, total, err := allEntries(t, s.History, c.ID(), 10, 1)
	require.NoError(t, err)
	assert.Equal(t, 5, total)
	require.Len(t, all, 4)
	for i, e := range all {
		assert.Equal(t, configuration.Version(4-i), e.Version)
	}
}

func partsFail(t *testing.T, s Stored) {
	saveLarge(t, s, 4)
	page, err := s.Repository.List(t.Context(), configuration.Query{Window: scope.Window{Limit: 10}})
	require.NoError(t, err)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = page.Next(ended)
	require.Error(t, err)
}

func flagPartsJoin(t *testing.T, s StoredFlags) {
	value := strings.Repeat("x", 60<<10)
	for i := range 7 {
		s.save(t, fixture.Flag(t, fmt.Sprintf(`{"name":"f%d","type":"string","variants":{"a":%q},"default":{"variant":"a"}}`, i, value)))
	}
	page, err := s.Repository.List(t.Context(), flag.Query{Window: scope.Window{Limit: 6, Offset: 1}})
	require.NoError(t, err)
	assert.Equal(t, []string{"production/f1", "production/f2", "production/f3", "production/f4"}, flagNames(page))
	assert.Equal(t, 7, page.Total)
	assert.InDelta(t, 4*len(value), page.Bytes, 4*1000)
	f := page.Items[0]
	page, err = page.Next(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{"production/f5", "production/f6"}, flagNames(page))
	assert.Nil(t, page.Next)

	for i := range 4 {
		_, err := f.Update(fixture.FlagChange(t, fmt.Sprintf(`{"description":"%d"}`, i)), fixture.Stamp())
		require.NoError(t, err)
		s.save(t, f)
	}
	history, err := s.History.Entries(t.Context(), f.ID(), scope.Window{Limit: 10})
	require.NoError(t, err)
	assert.Len(t, history.Items, 2, "each entry contains the draft before, too")
	all, total, err := allEntries(t, s.History, f.ID(), 10, 0)
	require.NoError(t, err)
	assert.Equal(t, 5, total)
	assert.Len(t, all, 5)
}

func servicePartsJoin(t *testing.T, s StoredServices) {
	metadata, err := registry.ParseMetadata([]byte(`{"a":"` + strings.Repeat("x", 60<<10) + `"}`))
	require.NoError(t, err)
	for i := range 6 {
		service := registry.New(fixture.ServiceName(t, fmt.Sprint("s", i)))
		r := fixture.Registration(t, "a")
		r.Instance, r.Metadata = registry.InstanceID{}, &metadata
		_, err := service.Register(r, fixture.Stamp())
		require.NoError(t, err)
		s.save(t, service)
	}
	page, err := s.List(t.Context(), registry.Query{Window: scope.Window{Limit: 10, Offset: 1}})
	require.NoError(t, err)
	assert.Len(t, page.Items, 4)
	assert.Equal(t, 6, page.Total)
	page, err = page.Next(t.Context())
	require.NoError(t, err)
	require.Len(t, page.Items, 1)
	assert.Equal(t, "s5", page.Items[0].State().Name.String())
	assert.Nil(t, page.Next)
}
