package bunstore_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/secret"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/contract"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// failCommits makes commits fail that have written to a table.
func failCommits(store *bunstore.Store, table string) contract.FailCommits {
	return func(t *testing.T) func() {
		t.Helper()
		fail, heal := sqliteRefusal(table)
		if store.IsPostgresForTest() {
			fail, heal = postgresRefusal(table)
		}
		run := func(statements []string) {
			for _, statement := range statements {
				require.NoError(t, store.ExecForTest(t.Context(), statement))
			}
		}
		run(fail)
		return func() { run(heal) }
	}
}

func postgresRefusal(table string) (fail, heal []string) {
	fail = []string{
		`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused at commit'; END $$`,
		`CREATE CONSTRAINT TRIGGER refuse AFTER INSERT OR UPDATE OR DELETE ON ` + table +
			` DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()`,
	}
	return fail, []string{`DROP TRIGGER refuse ON ` + table, `DROP FUNCTION refuse()`}
}

func sqliteRefusal(table string) (fail, heal []string) {
	fail = []string{
		`CREATE TABLE no_such (id integer PRIMARY KEY)`,
		`CREATE TABLE refused (id integer REFERENCES no_such (id) DEFERRABLE INITIALLY DEFERRED)`,
	}
	for _, event := range []string{"INSERT", "UPDATE", "DELETE"} {
		fail = append(fail, `CREATE TRIGGER refuse_`+event+` AFTER `+event+` ON `+table+` BEGIN INSERT INTO refused VALUES (1); END`)
		heal = append(heal, `DROP TRIGGER refuse_`+event)
	}
	return fail, append(heal, `DROP TABLE refused`, `DROP TABLE no_such`)
}

// writes are all writes of a store that no contract of a repository covers, with the
// table that they write to.
func writes() map[string]struct {
	table string
	write func(context.Context, *testing.T, *bunstore.Store) error
} {
	type row = struct {
		table string
		write func(context.Context, *testing.T, *bunstore.Store) error
	}
	delivered := ports.Delivered{}
	return map[string]row{
		"Keys.Create": {"api_keys", func(ctx context.Context, t *testing.T, s *bunstore.Store) error {
			return s.Keys().Create(ctx, aKey(t))
		}},
		"Keys.CreateFirst": {"api_keys", func(ctx context.Context, t *testing.T, s *bunstore.Store) error {
			_, err := s.Keys().CreateFirst(ctx, aKey(t))
			return err
		}},
		"Keys.Pepper": {"server_secrets", func(ctx context.Context, _ *testing.T, s *bunstore.Store) error {
			_, err := s.Keys().Pepper(ctx, secret.New("pepper"))
			return err
		}},
		"Feed.Sequence": {"changes", func(ctx context.Context, _ *testing.T, s *bunstore.Store) error {
			_, err := s.Feed().Sequence(ctx, 10)
			return err
		}},
		"Feed.BeginEpoch": {"feed_head", func(ctx context.Context, _ *testing.T, s *bunstore.Store) error {
			_, err := s.Feed().BeginEpoch(ctx)
			return err
		}},
		"Deliveries.Advance": {"relay", func(ctx context.Context, _ *testing.T, s *bunstore.Store) error {
			return s.Deliveries().Advance(ctx, delivered, []ports.Stream{{AggregateType: "configuration", Revision: 1}})
		}},
		"Services.Touch": {"service_registry", func(ctx context.Context, _ *testing.T, s *bunstore.Store) error {
			return s.Services().Touch(ctx, 1, fixture.Noon(), nil)
		}},
		"Services.Purge": {"service_health_history", func(ctx context.Context, _ *testing.T, s *bunstore.Store) error {
			_, err := s.Services().Purge(ctx, fixture.Noon().Add(24*time.Hour), 10)
			return err
		}},
	}
}

func TestFailedCommits(t *testing.T) {
	t.Parallel()
	for store, open := range stores() {
		for name, row := range writes() {
			t.Run(store+": "+name+" whose commit fails is an error, and succeeds later", func(t *testing.T) {
				t.Parallel()
				s := open(t)
				require.NoError(t, s.Configurations().Save(t.Context(), fixture.Configuration(t)))
				service := registry.New(fixture.ServiceName(t, "shop"))
				_, err := service.Register(fixture.Registration(t, "a"), fixture.Stamp())
				require.NoError(t, err)
				require.NoError(t, s.Services().Save(t.Context(), service))
				heal := failCommits(s, row.table)(t)
				require.Error(t, row.write(t.Context(), t, s))
				heal()
				assert.NoError(t, row.write(t.Context(), t, s))
			})
		}
	}
}

func TestFailedRevocation(t *testing.T) {
	t.Parallel()
	for name, open := range stores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			key := aKey(t)
			require.NoError(t, s.Keys().Create(t.Context(), key))
			heal := failCommits(s, "api_keys")(t)
			require.Error(t, s.Keys().Revoke(t.Context(), key.Attributes().ID, fixture.Noon()))
			heal()
			found, err := s.Keys().Find(t.Context(), key.Attributes().ID)
			require.NoError(t, err)
			assert.True(t, found.Attributes().Revoked.IsZero())
			require.NotErrorIs(t, s.Keys().Revoke(t.Context(), key.Attributes().ID, fixture.Noon()), access.ErrKeyNotFound)
		})
	}
}

func aKey(t *testing.T) *access.APIKey {
	t.Helper()
	token, err := access.NewToken("AAAAAAAA", fixture.Long(access.SecretLength))
	require.NoError(t, err)
	key, err := access.NewAPIKey(token, secret.New("a pepper that is long enough to be one"), access.KeyAttributes{
		Name: "a key", Role: access.RoleAdmin, Created: fixture.Noon(),
	})
	require.NoError(t, err)
	return key
}
