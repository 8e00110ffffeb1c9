package contract

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/versioned"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// walk reads a list to its end, in windows of at most limit items, each behind the last
// item of the one before. Between is called after every page but the last.
func walk[T any](
	t *testing.T, limit int, read func(scope.Window) (versioned.Page[T], error), name func(T) string, between func(page int),
) (pages [][]string) {
	t.Helper()
	w := scope.Window{Limit: limit}
	for {
		p, err := read(w)
		require.NoError(t, err)
		names := []string{}
		more := p.More
		for {
			require.Len(t, p.Positions, len(p.Items))
			require.Equal(t, more, p.More, "every part says whether items follow the page")
			for i, item := range p.Items {
				names, w.After = append(names, name(item)), p.Positions[i]
			}
			if p.Next == nil {
				break
			}
			p, err = p.Next(t.Context())
			require.NoError(t, err)
		}
		pages = append(pages, names)
		if !more {
			return pages
		}
		require.Less(t, len(pages), 100, "the walk makes progress")
		between(len(pages))
	}
}

func configurationWindows(t *testing.T, s Stored) {
	saveKeys(t, s, "production", "shop", "a", "b", "c", "d", "e", "f")
	saveKeys(t, s, "staging", "shop", "a")
	saveKeys(t, s, "production", "web", "a")
	remove := func(key string) {
		c, err := s.Repository.FindByIdentity(t.Context(), fixture.Identity(t, "production", "shop", key))
		require.NoError(t, err)
		require.NoError(t, c.Delete(fixture.Stamp()))
		s.save(t, c)
	}
	pages := walk(t, 2, func(w scope.Window) (configuration.Page, error) {
		return s.Repository.List(t.Context(), configuration.Query{Window: w})
	}, func(c *configuration.Configuration) string {
		i := c.Identity()
		return i.Environment.String() + "|" + i.Service.String() + "|" + i.Key.String()
	}, func(page int) {
		if page != 1 {
			return
		}
		remove("a")
		remove("b")
		remove("d")
		saveKeys(t, s, "production", "shop", "0", "aa", "ca")
		saveKeys(t, s, "development", "shop", "a")
	})
	assert.Equal(t, [][]string{
		{"production|shop|a", "production|shop|b"},
		{"production|shop|c", "production|shop|ca"},
		{"production|shop|e", "production|shop|f"},
		{"production|web|a", "staging|shop|a"},
	}, pages)
}

func configurationWindowsNarrow(t *testing.T, s Stored) {
	saveKeys(t, s, "production", "shop", "a", "b1", "b2", "b3", "c")
	i := fixture.Identity(t, "production", "shop", "x")
	pages := walk(t, 1, func(w scope.Window) (configuration.Page, error) {
		p, err := s.Repository.List(t.Context(), configuration.Query{
			Environment: i.Environment, Service: i.Service, KeyPrefix: "b", Window: w,
		})
		assert.Equal(t, 3, p.Total, "the total counts what is before the window too")
		return p, err
	}, func(c *configuration.Configuration) string { return c.Identity().Key.String() }, func(int) {})
	assert.Equal(t, [][]string{{"b1"}, {"b2"}, {"b3"}}, pages)
}

func partsOfWindows(t *testing.T, s Stored) {
	saveLarge(t, s, 7)
	pages := walk(t, 5, func(w scope.Window) (configuration.Page, error) {
		return s.Repository.List(t.Context(), configuration.Query{Window: w})
	}, func(c *configuration.Configuration) string { return c.Identity().Key.String() }, func(int) {})
	assert.Equal(t, [][]string{{"k0", "k1", "k2", "k3", "k4"}, {"k5", "k6"}}, pages)
}

func flagWindows(t *testing.T, s StoredFlags) {
	for _, f := range []string{`{"name":"b"}`, `{"name":"a"}`, `{"name":"c"}`, `{"name":"z","environment":"development"}`} {
		s.save(t, fixture.Flag(t, f))
	}
	pages := walk(t, 2, func(w scope.Window) (flag.Page, error) {
		return s.Repository.List(t.Context(), flag.Query{Window: w})
	}, func(f *flag.Flag) string { return f.Identity().Name.String() }, func(page int) {
		if page == 1 {
			s.save(t, fixture.Flag(t, `{"name":"0"}`), fixture.Flag(t, `{"name":"d"}`))
		}
	})
	assert.Equal(t, [][]string{{"z", "a"}, {"b", "c"}, {"d"}}, pages)
}

func serviceWindows(t *testing.T, s StoredServices) {
	for _, name := range []string{"c", "a", "B", "d"} {
		s.saved(t, name, "i")
	}
	pages := walk(t, 2, func(w scope.Window) (registry.Page, error) {
		return s.List(t.Context(), registry.Query{Window: w})
	}, func(f *registry.Service) string { return f.State().Name.String() }, func(int) {
		gone := s.find(t, "a", "i")
		require.NoError(t, gone.Deregister(fixture.Stamp()))
		s.save(t, gone)
		s.saved(t, "A", "i")
	})
	assert.Equal(t, [][]string{{"B", "a"}, {"c", "d"}}, pages)
}

func historyWindows(t *testing.T, s Stored) {
	c := fixture.Configuration(t)
	s.save(t, c)
	change := func(text string) {
		_, err := c.Update(fixture.Draft(t, text), fixture.Stamp())
		require.NoError(t, err)
		s.save(t, c)
	}
	for n := range 11 {
		change(strconv.Itoa(n))
	}
	pages := walk(t, 5, func(w scope.Window) (configuration.HistoryPage, error) {
		p, err := s.History.Entries(t.Context(), c.ID(), w)
		assert.GreaterOrEqual(t, p.Total, 12)
		return p, err
	}, func(e configuration.HistoryEntry) string { return strconv.Itoa(int(e.Version)) }, func(page int) {
		change("later " + strconv.Itoa(page))
	})
	assert.Equal(t, [][]string{{"12", "11", "10", "9", "8"}, {"7", "6", "5", "4", "3"}, {"2", "1"}}, pages)
}

func transitionWindows(t *testing.T, s StoredServices) {
	service := s.saved(t, "shop", "a", "b")
	all, err := s.Transitions(t.Context(), service.State().ID, registry.Ref{}, 0, 10)
	require.NoError(t, err)
	require.Len(t, all, 2)
	found, err := s.Transitions(t.Context(), service.State().ID, registry.Ref{}, all[0].ID, 10)
	require.NoError(t, err)
	assert.Equal(t, all[1:], found)
	found, err = s.Transitions(t.Context(), service.State().ID, registry.Ref{}, all[1].ID, 10)
	require.NoError(t, err)
	assert.Empty(t, found)
}
