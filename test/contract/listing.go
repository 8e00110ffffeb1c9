package contract

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

func listingBehaviours() []behaviour[Stored] {
	return []behaviour[Stored]{
		{"an empty store lists nothing", emptyListsNothing},
		{"a list is ordered by environment, service and key, bytewise", listIsOrdered},
		{"a list is narrowed by environment, service and key prefix", listIsNarrowed},
		{"a key prefix is no pattern", prefixIsNoPattern},
		{"a list is narrowed by areas, and so is its total", listWithinAreas},
		{"deleted configurations are listed apart", deletedAreApart},
		{"pages join to the complete list, and the total is correct also past the end", pagesJoin},
		{"windows behind a position repeat and miss nothing while others write", configurationWindows},
		{"windows behind a position are narrowed, and the total is that of all", configurationWindowsNarrow},
		{"a window of many bytes comes in parts with their positions", partsOfWindows},
		{"windows of a history are not moved by new versions", historyWindows},
	}
}

// keysOf lists and returns "environment/service/key" and the total.
func keysOf(t *testing.T, s Stored, q configuration.Query) ([]string, int) {
	t.Helper()
	if q.Limit == 0 {
		q.Limit = 1000
	}
	page, err := s.Repository.List(t.Context(), q)
	require.NoError(t, err)
	var list []string
	for _, c := range page.Items {
		i := c.Identity()
		list = append(list, i.Environment.String()+"|"+i.Service.String()+"|"+i.Key.String())
	}
	return list, page.Total
}

func saveKeys(t *testing.T, s Stored, environment, service string, keys ...string) {
	t.Helper()
	for _, key := range keys {
		s.save(t, fixture.Configuration(t, fixture.In(environment, service), fixture.Key(key)))
	}
}

func emptyListsNothing(t *testing.T, s Stored) {
	list, total := keysOf(t, s, configuration.Query{})
	assert.Empty(t, list)
	assert.Zero(t, total)
}

func listIsOrdered(t *testing.T, s Stored) {
	saveKeys(t, s, "staging", "a", "x")
	saveKeys(t, s, "production", "shop", "b", "a_b", "a.b", "a-b", "a/b", "a", "B", "_", "1", "a:b", "a+b", "a@b", "aB", "ab")
	saveKeys(t, s, "production", "Shop", "z")
	list, total := keysOf(t, s, configuration.Query{})
	assert.Equal(t, []string{
		"production|Shop|z",
		"production|shop|1", "production|shop|B", "production|shop|_", "production|shop|a", "production|shop|a+b",
		"production|shop|a-b", "production|shop|a.b", "production|shop|a/b", "production|shop|a:b", "production|shop|a@b",
		"production|shop|aB", "production|shop|a_b", "production|shop|ab", "production|shop|b",
		"staging|a|x",
	}, list)
	assert.Equal(t, 16, total)
}

func listIsNarrowed(t *testing.T, s Stored) {
	saveKeys(t, s, "production", "shop", "db.url", "db.user", "dc", "Db.url")
	saveKeys(t, s, "production", "billing", "db.url")
	saveKeys(t, s, "staging", "shop", "db.url")
	shop := fixture.Identity(t, "production", "shop", "x")
	list, _ := keysOf(t, s, configuration.Query{Environment: shop.Environment})
	assert.Len(t, list, 5)
	list, _ = keysOf(t, s, configuration.Query{Service: shop.Service})
	assert.Len(t, list, 5)
	list, total := keysOf(t, s, configuration.Query{Environment: shop.Environment, Service: shop.Service, KeyPrefix: "db"})
	assert.Equal(t, []string{"production|shop|db.url", "production|shop|db.user"}, list)
	assert.Equal(t, 2, total)
	list, _ = keysOf(t, s, configuration.Query{Environment: shop.Environment, Service: shop.Service, KeyPrefix: "zz"})
	assert.Empty(t, list)
}

func listWithinAreas(t *testing.T, s Stored) {
	saveKeys(t, s, "production", "shop", "db.url", "ui.color", "ui_color")
	saveKeys(t, s, "production", "billing", "db.url")
	saveKeys(t, s, "staging", "shop", "db.url")
	shop, billing := fixture.Identity(t, "production", "shop", "x"), fixture.Identity(t, "staging", "billing", "x")
	services := func(list ...scope.ServiceName) []scope.ServiceName { return list }
	environments := func(list ...scope.Environment) []scope.Environment { return list }
	for name, row := range map[string]struct {
		areas []scope.Area
		want  []string
	}{
		"a service": {[]scope.Area{{Services: services(billing.Service)}}, []string{"production|billing|db.url"}},
		"a service in an environment, or another one": {
			[]scope.Area{
				{Environments: environments(billing.Environment), Services: services(shop.Service)},
				{Services: services(billing.Service)},
			},
			[]string{"production|billing|db.url", "staging|shop|db.url"},
		},
		"a prefix": {
			[]scope.Area{{Prefixes: []string{"ui.", "x"}, Environments: environments(shop.Environment, billing.Environment)}},
			[]string{"production|shop|ui.color"},
		},
		"nothing": {[]scope.Area{{Prefixes: []string{"z"}}}, nil},
	} {
		list, total := keysOf(t, s, configuration.Query{Within: row.areas})
		assert.Equal(t, row.want, list, name)
		assert.Len(t, row.want, total, name)
	}
	both := []scope.Area{{Services: services(shop.Service)}, {Prefixes: []string{"db."}}}
	list, total := keysOf(t, s, configuration.Query{Within: both, KeyPrefix: "db", Environment: shop.Environment})
	assert.Equal(t, []string{"production|billing|db.url", "production|shop|db.url"}, list, "areas narrow further")
	assert.Equal(t, 2, total)
}

func prefixIsNoPattern(t *testing.T, s Stored) {
	saveKeys(t, s, "production", "shop", "a_b", "axb", "a.b", "a")
	list, _ := keysOf(t, s, configuration.Query{KeyPrefix: "a_"})
	assert.Equal(t, []string{"production|shop|a_b"}, list)
	list, _ = keysOf(t, s, configuration.Query{KeyPrefix: "a."})
	assert.Equal(t, []string{"production|shop|a.b"}, list)
	for _, prefix := range []string{"z", "%", "a%", "_%", `a\`, `a\_`, "A", "a_b_"} {
		list, total := keysOf(t, s, configuration.Query{KeyPrefix: prefix})
		assert.Empty(t, list, prefix)
		assert.Zero(t, total, prefix)
	}
}

func deletedAreApart(t *testing.T, s Stored) {
	saveKeys(t, s, "production", "shop", "lives")
	gone := fixture.Configuration(t, fixture.Key("gone"))
	s.save(t, gone)
	require.NoError(t, gone.Delete(fixture.Stamp()))
	s.save(t, gone)
	list, total := keysOf(t, s, configuration.Query{})
	assert.Equal(t, []string{"production|shop|lives"}, list)
	assert.Equal(t, 1, total)
	list, total = keysOf(t, s, configuration.Query{Deleted: true})
	assert.Equal(t, []string{"production|shop|gone"}, list)
	assert.Equal(t, 1, total)
}

func pagesJoin(t *testing.T, s Stored) {
	saveKeys(t, s, "production", "shop", "a", "b", "c", "d", "e")
	var joined []string
	for offset := 0; offset < 6; offset += 2 {
		list, total := keysOf(t, s, configuration.Query{Window: scope.Window{Limit: 2, Offset: offset}})
		assert.Equal(t, 5, total)
		joined = append(joined, list...)
	}
	all, _ := keysOf(t, s, configuration.Query{})
	assert.Equal(t, all, joined)
	list, total := keysOf(t, s, configuration.Query{Window: scope.Window{Limit: 2, Offset: 99}})
	assert.Empty(t, list)
	assert.Equal(t, 5, total)
}
