package fault_test

import (
	"database/sql"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
)

// revision is one version of one configuration.
type revision struct{ id, version int64 }

// snapshot has the contents of the tables at one moment.
type snapshot struct {
	versions map[int64]int64
	values   map[revision]string
	events   map[revision]int
	// last is the feed's last revision, ids are the ids of its events.
	last int64
	ids  []string
}

// readSnapshot reads the tables in one transaction, so that the last statement of a killed
// service is in all of them or in none.
func readSnapshot(t *testing.T, databaseURL string) snapshot {
	t.Helper()
	var options sql.TxOptions
	if !strings.HasPrefix(databaseURL, "sqlite:") {
		options = sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	}
	db := e2etest.OpenDatabase(t, databaseURL)
	defer func() { _ = db.Close() }() // there are many rounds
	tx, err := db.BeginTx(t.Context(), &options)
	require.NoError(t, err)
	defer func() { _ = tx.Rollback() }()
	s := snapshot{versions: map[int64]int64{}, values: map[revision]string{}, events: map[revision]int{}}
	each(t, tx, "SELECT id, version FROM configurations", func(scan func(...any)) {
		var r revision
		scan(&r.id, &r.version)
		s.versions[r.id] = r.version
	})
	each(t, tx, "SELECT configuration_id, version, new_value FROM configuration_history", func(scan func(...any)) {
		var r revision
		var value string
		scan(&r.id, &r.version, &value)
		_, twice := s.values[r]
		require.False(t, twice, "configuration %d version %d is in the history twice", r.id, r.version)
		s.values[r] = value
	})
	each(t, tx, "SELECT aggregate_id, aggregate_version FROM "+e2etest.AllEvents, func(scan func(...any)) {
		var r revision
		scan(&r.id, &r.version)
		s.events[r]++
	})
	each(t, tx, "SELECT revision, event_id FROM changes ORDER BY revision", func(scan func(...any)) {
		var revision int64
		var id string
		scan(&revision, &id)
		s.ids = append(s.ids, id)
		s.last++
		require.Equal(t, s.last, revision, "revisions have no gap")
	})
	each(t, tx, "SELECT revision FROM feed_head", func(scan func(...any)) {
		var head int64
		scan(&head)
		require.Equal(t, head, s.last)
	})
	return s
}

// each calls row for each row of a query.
func each(t *testing.T, tx *sql.Tx, query string, row func(scan func(...any))) {
	t.Helper()
	rows, err := tx.QueryContext(t.Context(), query)
	require.NoError(t, err)
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		row(func(targets ...any) { require.NoError(t, rows.Scan(targets...)) })
	}
	require.NoError(t, rows.Err())
}

// requireComplete checks that versions have no gap, that the history has exactly these, and
// that each has one event.
func (s snapshot) requireComplete(t *testing.T) {
	t.Helper()
	all := 0
	for id, last := range s.versions {
		for v := int64(1); v <= last; v++ {
			_, ok := s.values[revision{id, v}]
			require.True(t, ok, "configuration %d version %d is not in the history", id, v)
			require.Equal(t, 1, s.events[revision{id, v}], "configuration %d version %d has one event", id, v)
			all++
		}
	}
	require.Len(t, s.values, all, "the history has nothing but the versions")
	require.Len(t, s.events, all, "the feed has nothing but the versions")
}
