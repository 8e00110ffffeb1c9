package bunstore_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/storetest"
)

// documented returns the columns of docs/database.md with their types, by table.
func documented(t *testing.T) map[string]map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../docs/database.md")
	require.NoError(t, err)
	tables := map[string]map[string]string{}
	for _, section := range strings.Split(string(text), "\n## `")[1:] {
		name, body, _ := strings.Cut(section, "`")
		tables[name] = map[string]string{}
		for _, row := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\| `([^`]+)` \\|").FindAllStringSubmatch(body, -1) {
			tables[name][row[1]] = row[2]
		}
	}
	return tables
}

// TestDatabaseDocument holds docs/database.md to the schema.
func TestDatabaseDocument(t *testing.T) {
	t.Parallel()
	tables := documented(t)
	require.Len(t, tables, 11)
	for _, name := range []string{"configurations", "feature_flags", "service_registry", "service_instances"} {
		tables["deleted_"+name] = tables[name]
	}
	postgres, sqlite := storetest.Postgres(t), storetest.Memory(t)
	for name, columns := range tables {
		types, err := postgres.ColumnTypesForTest(t.Context(), name)
		require.NoError(t, err)
		names, err := sqlite.ColumnTypesForTest(t.Context(), name)
		require.NoError(t, err)
		require.NotEmpty(t, columns, name)
		for column, want := range columns {
			assert.Equal(t, want, types[column], "%s.%s", name, column)
		}
		assert.Subset(t, slices.Collect(maps.Keys(names)), slices.Collect(maps.Keys(columns)), name)
	}
}
