package e2e_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	killRounds      = 20
	killRoundsShort = 4
	killWriters     = 8
)

// TestKill kills the service in the middle of its work, again and again: what it
// acknowledged has to be there, and what is there has to be whole.
func TestKill(t *testing.T) {
	t.Parallel()
	rounds := killRounds
	if testing.Short() {
		rounds = killRoundsShort
	}
	for _, store := range stores() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			databaseURL := store.fresh(t)
			l := &ledger{acknowledged: map[revision]string{}}
			p := serve(t, databaseURL, "BOOTSTRAP_ADMIN_KEY="+adminKey(t))
			l.shared = p.admin(t).create(t, "shared", "first")
			for round := range rounds {
				l.writeUntil(t, p, 50+rand.IntN(250), fmt.Sprintf("round-%d", round), p.kill)
				p = serve(t, databaseURL)
				found := look(t, databaseURL)
				found.requireWhole(t)
				l.requireKept(t, found)
				require.Equal(t, found.values[revision{l.shared.ID, found.versions[l.shared.ID]}],
					p.admin(t).read(t, "shared").value())
			}
			found := look(t, databaseURL)
			t.Logf("%d rounds of %d writers: %d writes acknowledged and all there, %d without an answer; "+
				"%d versions of %d configurations, without a gap", rounds, killWriters,
				len(l.acknowledged), l.unknown, len(found.values), len(found.versions))
		})
	}
}

// revision is one version of one configuration.
type revision struct{ id, version int64 }

// ledger is what the service has acknowledged.
type ledger struct {
	shared configuration

	mu           sync.Mutex
	acknowledged map[revision]string
	unknown      int
}

// writeUntil lets the writers write, ends the service once it has acknowledged so
// many, and returns when every writer has noticed.
func (l *ledger) writeUntil(t *testing.T, p *process, many int, name string, end func(testing.TB)) {
	t.Helper()
	enough := make(chan struct{}, 1)
	least := len(l.acknowledged) + many
	c := p.admin(t)
	var writers sync.WaitGroup
	failures := make(chan error, killWriters)
	for w := range killWriters {
		writers.Go(func() {
			failures <- l.write(c, fmt.Sprintf("%s.writer-%d", name, w), func(so int) {
				if so >= least {
					trySend(enough)
				}
			})
		})
	}
	select {
	case <-enough:
	case <-p.ended:
	case err := <-failures:
		require.NoError(t, err)
		require.Fail(t, "the service stopped answering before it was killed")
	}
	end(t)
	writers.Wait()
	close(failures)
	for err := range failures {
		require.NoError(t, err)
	}
}

// write creates configurations and updates them and the shared one, until the
// service does not answer any more. An answer that is no success is an error.
func (l *ledger) write(c client, name string, tell func(acknowledged int)) error {
	for n := 0; ; n++ {
		value := fmt.Sprintf("%s.%d", name, n)
		made, err := l.acknowledge(c, http.MethodPost, "/api/v1/config/", draft{
			Key: value, Value: value, Environment: "production", ServiceName: "shop",
		}, tell)
		if made == nil {
			return err
		}
		for _, path := range []string{made.path(), l.shared.path(), made.path()} {
			value += "+"
			changed, err := l.acknowledge(c, http.MethodPut, path, map[string]any{"value": value}, tell)
			if changed == nil {
				return err
			}
		}
	}
}

// acknowledge makes one write and notes what came of it. The result is nil where
// no answer came, or one that is no success.
func (l *ledger) acknowledge(
	c client, method, path string, body any, tell func(int),
) (*configuration, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	a, err := c.try(ctx, method, path, body)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.unknown++
		return nil, nil
	}
	if a.status != http.StatusOK && a.status != http.StatusCreated {
		return nil, fmt.Errorf("%s %s: answered %d: %s", method, path, a.status, a.body)
	}
	changed, err := parse[configuration](a)
	if err != nil {
		return nil, err
	}
	l.acknowledged[revision{changed.ID, changed.Version}] = changed.value()
	tell(len(l.acknowledged))
	return &changed, nil
}

func trySend(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// requireKept checks that every acknowledged write is there.
func (l *ledger) requireKept(t *testing.T, s snapshot) {
	t.Helper()
	for r, value := range l.acknowledged {
		found, ok := s.values[r]
		require.True(t, ok, "configuration %d version %d was acknowledged and is not there", r.id, r.version)
		require.Equal(t, value, found)
	}
}

// snapshot is what the three tables hold at one moment.
type snapshot struct {
	versions map[int64]int64
	values   map[revision]string
	events   map[revision]int
	// last is the feed's last revision.
	last int64
}

// look reads the tables past the service. What a killed service's last statement
// does meanwhile is in all of them or in none: they are read in one transaction.
func look(t *testing.T, databaseURL string) snapshot {
	t.Helper()
	var options sql.TxOptions
	if !strings.HasPrefix(databaseURL, "sqlite:") {
		options = sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	}
	db := openDatabase(t, databaseURL)
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
	each(t, tx, "SELECT aggregate_id, aggregate_version FROM "+allEvents, func(scan func(...any)) {
		var r revision
		scan(&r.id, &r.version)
		s.events[r]++
	})
	each(t, tx, "SELECT revision FROM changes ORDER BY revision", func(scan func(...any)) {
		var revision int64
		scan(&revision)
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

func each(t *testing.T, tx *sql.Tx, query string, row func(scan func(...any))) {
	t.Helper()
	rows, err := tx.QueryContext(t.Context(), query)
	require.NoError(t, err)
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		row(func(places ...any) { require.NoError(t, rows.Scan(places...)) })
	}
	require.NoError(t, rows.Err())
}

// requireWhole checks that versions have no gap, that the history holds all of
// them and nothing else, and that each has one event.
func (s snapshot) requireWhole(t *testing.T) {
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
