package fault_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
	"github.com/signalbox-hq/signalbox/test/harness"
)

// databaseWriters is the number of concurrent writers on both replicas.
const databaseWriters = 14

// acknowledgements has the writes that two replicas acknowledged, and the values that they
// returned, while their database fails.
type acknowledgements struct {
	replicas []e2etest.Client
	shared   []e2etest.Configuration
	// tries makes the values of awaitWrites differ: a write that changes nothing creates no
	// version.
	tries int

	mu sync.Mutex
	// acknowledged are the values by version; twice counts the versions that were
	// acknowledged to two writers.
	acknowledged map[revision]string
	twice        []string
	// shown are the values that reads returned.
	shown    map[revision]string
	changing []string
	unknown  int
}

func newAcknowledgements(t *testing.T, replicas ...*e2etest.Process) *acknowledgements {
	t.Helper()
	p := &acknowledgements{acknowledged: map[revision]string{}, shown: map[revision]string{}}
	for _, r := range replicas {
		p.replicas = append(p.replicas, r.Admin(t))
	}
	for n := range 3 {
		p.shared = append(p.shared, p.replicas[0].Create(t, fmt.Sprint("shared-", n), "first"))
	}
	return p
}

// work runs all writers and readers until the context ends.
func (p *acknowledgements) work(ctx context.Context, running *sync.WaitGroup, name string) {
	for w := range databaseWriters {
		c := p.replicas[w%len(p.replicas)]
		running.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				value := fmt.Sprintf("%s.%d.%d", name, w, n)
				made := p.write(c, http.MethodPost, "/api/v1/config/",
					e2etest.Draft{Key: value, Value: value, Environment: "production", ServiceName: "shop"}, value)
				if made != nil {
					p.write(c, http.MethodPut, made.Path(), e2etest.Object{"value": value + "+"}, value+"+")
				}
				p.write(c, http.MethodPut, p.shared[n%len(p.shared)].Path(), e2etest.Object{"value": value + "!"}, value+"!")
			}
		})
	}
	for n, c := range p.replicas {
		running.Go(func() { every(ctx, 2*time.Millisecond, func() { p.read(c, p.shared[n].Key) }) })
	}
}

// write makes one write and records its outcome. It returns nil if the write was not
// acknowledged.
func (p *acknowledgements) write(c e2etest.Client, method, path string, body any, value string) *e2etest.Configuration {
	ctx, cancel := context.WithTimeout(context.Background(), e2etest.Timeout)
	defer cancel()
	a, err := c.Try(ctx, method, path, body)
	if err == nil && (a.Status == http.StatusOK || a.Status == http.StatusCreated) {
		made, err := e2etest.Parse[e2etest.Configuration](a)
		if err == nil {
			p.acknowledge(revision{made.ID, made.Version}, value)
			return &made
		}
	}
	p.mu.Lock()
	if err == nil && a.Status < http.StatusInternalServerError {
		p.twice = append(p.twice, fmt.Sprintf("%s %s got status %d: %s", method, path, a.Status, a.Body))
	}
	p.unknown++
	p.mu.Unlock()
	elapse(20 * time.Millisecond)
	return nil
}

func (p *acknowledgements) acknowledge(at revision, value string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if before, known := p.acknowledged[at]; known {
		p.twice = append(p.twice, fmt.Sprintf("%v was acknowledged as %q and as %q", at, before, value))
	}
	p.acknowledged[at] = value
}

func (p *acknowledgements) read(c e2etest.Client, key string) {
	ctx, cancel := context.WithTimeout(context.Background(), e2etest.Timeout)
	defer cancel()
	a, err := c.Try(ctx, http.MethodGet, e2etest.ReadPath(key), nil)
	if err != nil || a.Status != http.StatusOK {
		return
	}
	found, err := e2etest.Parse[e2etest.Configuration](a)
	if err != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	place := revision{found.ID, found.Version}
	if before, seen := p.shown[place]; seen && before != found.ShownValue() {
		p.changing = append(p.changing, fmt.Sprintf("%v was read as %q and as %q", place, before, found.ShownValue()))
	}
	p.shown[place] = found.ShownValue()
}

// requireKept checks that acknowledged and returned values are stored, that no version was
// acknowledged twice, and that in the end all replicas return the stored values.
func (p *acknowledgements) requireKept(t *testing.T, databaseURL, name string) {
	t.Helper()
	stored := readSnapshot(t, databaseURL)
	stored.requireComplete(t)
	lost, unstored := 0, 0
	for at, value := range p.acknowledged {
		if stored.values[at] != value {
			lost++
		}
	}
	for at, value := range p.shown {
		if found, ok := stored.values[at]; !ok || found != value {
			unstored++
		}
	}
	t.Logf("%s: %d writes acknowledged, %d lost, %d acknowledged twice; %d unacknowledged; %d versions were read, "+
		"%d of them not what is stored", name, len(p.acknowledged), lost, len(p.twice), p.unknown, len(p.shown), unstored)
	assert.Zero(t, lost, "acknowledged writes are stored")
	assert.Empty(t, p.twice)
	assert.Empty(t, p.changing)
	assert.Zero(t, unstored, "values that were read are stored")
	assert.NotEmpty(t, p.acknowledged)
	for _, shared := range p.shared {
		last := stored.versions[shared.ID]
		for _, c := range p.replicas {
			require.Eventually(t, func() bool {
				a, err := c.Try(t.Context(), http.MethodGet, e2etest.ReadPath(shared.Key), nil)
				if err != nil || a.Status != http.StatusOK {
					return false
				}
				found, err := e2etest.Parse[e2etest.Configuration](a)
				return err == nil && found.Version == last && found.ShownValue() == stored.values[revision{shared.ID, last}]
			}, e2etest.Timeout, e2etest.PollInterval)
		}
	}
}

// awaitWrites waits until every replica accepts writes.
func (p *acknowledgements) awaitWrites(t *testing.T) {
	t.Helper()
	for _, c := range p.replicas {
		require.Eventually(t, func() bool {
			p.tries++
			value := fmt.Sprint("well-", p.tries)
			return p.write(c, http.MethodPut, p.shared[0].Path(), e2etest.Object{"value": value}, value) != nil
		}, e2etest.Timeout, e2etest.PollInterval)
	}
}

// TestFaultDatabaseKilled stops the database immediately and repeatedly while two replicas
// write: every acknowledged write is stored after the recovery.
func TestFaultDatabaseKilled(t *testing.T) {
	t.Parallel()
	database := harness.OwnPostgres(t)
	random := harness.Rand(t)
	one := e2etest.Serve(t, database.URL, "BOOTSTRAP_ADMIN_KEY="+e2etest.AdminKey(t))
	other := e2etest.Serve(t, database.URL, "BOOTSTRAP_ADMIN_KEY="+e2etest.AdminKey(t))
	p := newAcknowledgements(t, one, other)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	p.work(ctx, &running, "killed")
	rounds := harness.Scale(30, 4)
	for range rounds {
		elapse(time.Duration(300+random.IntN(700)) * time.Millisecond)
		database.Stop()
		database.Start(t)
		p.awaitWrites(t)
	}
	stop()
	running.Wait()
	p.requireKept(t, database.URL, fmt.Sprintf("%d immediate stops", rounds))
}

// TestFaultBackendsEnded terminates the database sessions of two writing replicas one by
// one.
func TestFaultBackendsEnded(t *testing.T) {
	t.Parallel()
	databaseURL := e2etest.NewPostgres(t)
	one := e2etest.Serve(t, databaseURL, "BOOTSTRAP_ADMIN_KEY="+e2etest.AdminKey(t))
	other := e2etest.Serve(t, databaseURL, "BOOTSTRAP_ADMIN_KEY="+e2etest.AdminKey(t))
	p := newAcknowledgements(t, one, other)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	p.work(ctx, &running, "ended")
	db := e2etest.OpenDatabase(t, databaseURL)
	ended := 0
	for range harness.Scale(1500, 150) {
		elapse(20 * time.Millisecond)
		result, err := db.ExecContext(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = current_database() AND application_name = 'signalbox' AND state = 'active' ORDER BY random() LIMIT 1`)
		require.NoError(t, err)
		n, err := result.RowsAffected()
		require.NoError(t, err)
		ended += int(n)
	}
	p.awaitWrites(t)
	stop()
	running.Wait()
	p.requireKept(t, databaseURL, fmt.Sprintf("%d sessions ended", ended))
}

// TestFaultSerializable runs two replicas whose transactions are SERIALIZABLE, so that
// many commits fail after their statements have succeeded.
func TestFaultSerializable(t *testing.T) {
	t.Parallel()
	databaseURL := e2etest.NewPostgres(t)
	serializable := databaseURL + "&default_transaction_isolation=serializable"
	one := e2etest.Serve(t, serializable, "BOOTSTRAP_ADMIN_KEY="+e2etest.AdminKey(t))
	other := e2etest.Serve(t, serializable, "BOOTSTRAP_ADMIN_KEY="+e2etest.AdminKey(t))
	p := newAcknowledgements(t, one, other)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	p.work(ctx, &running, "serializable")
	elapse(harness.Scale(60*time.Second, 6*time.Second))
	stop()
	running.Wait()
	p.awaitWrites(t)
	p.requireKept(t, databaseURL, "serializable isolation")
}

// refusal makes every commit fail that stores an event, after its statements have
// succeeded.
const refusal = `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused at commit'; END $$;
CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON outbox DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()`

// TestFailedCommitIsNotServed fails a commit on one replica; another writer then creates
// that version on the other.
func TestFailedCommitIsNotServed(t *testing.T) {
	t.Parallel()
	databaseURL := e2etest.NewPostgres(t)
	redis := e2etest.NewRedis(t).Environ(t)
	a, b := e2etest.Boot(t, databaseURL, redis...), e2etest.Boot(t, databaseURL, redis...)
	made := a.Admin(t).Create(t, "contested", "one")
	a.Admin(t).Read(t, "contested")
	db := e2etest.OpenDatabase(t, databaseURL)
	_, err := db.ExecContext(t.Context(), refusal)
	require.NoError(t, err)
	a.Admin(t).Put(t, made.Path(), e2etest.Object{"value": "LOST"}).Want(t, http.StatusInternalServerError)
	require.Equal(t, "one", a.Admin(t).Read(t, "contested").ShownValue())
	_, err = db.ExecContext(t.Context(), `DROP TRIGGER refuse ON outbox`)
	require.NoError(t, err)
	b.Admin(t).Put(t, made.Path(), e2etest.Object{"value": "two"}).Want(t, http.StatusOK)
	for _, s := range []*e2etest.Server{a, b} {
		require.Eventually(t, func() bool {
			found := s.Admin(t).Read(t, "contested")
			require.NotEqual(t, "LOST", found.ShownValue())
			return found.Version == 2 && found.ShownValue() == "two"
		}, e2etest.Timeout, time.Millisecond)
	}
	// A client with version 1 does not overwrite the version of another.
	a.Admin(t).Put(t, made.Path(), e2etest.Object{"value": "three"}, e2etest.With("If-Match", `"1"`)).Want(t, http.StatusPreconditionFailed)
	require.Equal(t, "two", a.Admin(t).Read(t, "contested").ShownValue())
}
