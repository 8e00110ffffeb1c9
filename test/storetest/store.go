package storetest

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/test/contract"
)

// Exec runs a statement in a transaction of its own.
func Exec(ctx context.Context, store *bunstore.Store, statement string) error {
	return store.Transact(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.ExecContext(ctx, statement)
		return err
	})
}

// Execf formats a statement and runs it as Exec does.
func Execf(ctx context.Context, store *bunstore.Store, format string, args ...any) error {
	return Exec(ctx, store, fmt.Sprintf(format, args...))
}

// maxEvents bounds what Outbox reads.
const maxEvents = 100_000

// Outbox returns the outbox in the order of its ids.
func Outbox(store *bunstore.Store) func(context.Context) ([]contract.Event, error) {
	return func(ctx context.Context) ([]contract.Event, error) {
		var rows []bunstore.OutboxRow
		if err := store.NewSelect().Model(&rows).Order("id").Limit(maxEvents).Scan(ctx); err != nil {
			return nil, err
		}
		events := make([]contract.Event, len(rows))
		for i, r := range rows {
			events[i] = contract.Event{
				ID: r.EventID, Type: r.EventType, AggregateType: r.AggregateType, AggregateID: r.AggregateID,
				AggregateVersion: r.AggregateVersion, Environment: r.Environment, ServiceName: r.ServiceName,
				Data: fmt.Sprint(r),
			}
		}
		return events, nil
	}
}

// FailCommits makes commits fail that have written to a table.
func FailCommits(store *bunstore.Store, table string) contract.FailCommits {
	return func(t *testing.T) func() {
		t.Helper()
		fail, heal := sqliteRefusal(table)
		if store.Dialect() == bunstore.Postgres {
			fail, heal = postgresRefusal(table)
		}
		run := func(statements []string) {
			for _, statement := range statements {
				require.NoError(t, Exec(t.Context(), store, statement))
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
		fail = append(fail, `CREATE TRIGGER refuse_`+event+` AFTER `+event+` ON `+table+
			` BEGIN INSERT INTO refused VALUES (1); END`)
		heal = append(heal, `DROP TRIGGER refuse_`+event)
	}
	return fail, append(heal, `DROP TABLE refused`, `DROP TABLE no_such`)
}
