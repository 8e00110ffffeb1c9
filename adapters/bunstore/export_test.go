package bunstore

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/contract"
)

// OutboxForTest returns the outbox in the order of its ids.
func (s *Store) OutboxForTest(ctx context.Context) ([]contract.Event, error) {
	var rows []outboxRow
	if err := s.read.NewSelect().Model(&rows).Order("id").Scan(ctx); err != nil {
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

// ExecForTest runs a statement on the writing connection.
func (s *Store) ExecForTest(ctx context.Context, statement string) error {
	_, err := s.write.ExecContext(ctx, statement)
	return err
}

// IsPostgresForTest reports which database is spoken to.
func (s *Store) IsPostgresForTest() bool { return s.dialect == postgres }

// UncheckedTimesForTest returns the columns of PostgreSQL that hold times and that no
// constraint bounds.
func (s *Store) UncheckedTimesForTest(ctx context.Context) (columns []string, err error) {
	err = s.read.NewSelect().TableExpr("information_schema.columns AS c").
		ColumnExpr("c.table_name || '.' || c.column_name").
		Where("c.table_schema = current_schema() AND c.data_type = 'timestamp with time zone'").
		Where(`NOT EXISTS (SELECT 1 FROM information_schema.check_constraints AS k
WHERE k.constraint_schema = c.table_schema AND k.constraint_name = c.table_name || '_finite_times'
 AND strpos(k.check_clause, c.column_name) > 0)`).Scan(ctx, &columns)
	return columns, err
}

// TablesForTest returns the names of the tables, in order.
func (s *Store) TablesForTest(ctx context.Context) ([]string, error) { return s.tables(ctx) }

// MeaningForTest returns the fault that an error stands for, or nil.
func MeaningForTest(err error) *fault.Error { return meaning(err) }

// Exported for tests of the codes.
var (
	PostgresMeaningForTest = postgresMeaning
	SQLiteMeaningForTest   = sqliteMeaning
	ErrTakenForTest        = errTaken
)

// HurryForTest shortens how long a leader may act, and be silent.
func (l *Leadership) HurryForTest(trust, silence time.Duration) { l.trust, l.silence = trust, silence }

// TransactForTest runs work as every write does.
func (s *Store) TransactForTest(ctx context.Context, work func(context.Context, bun.Tx) error) error {
	return s.transact(ctx, work)
}

// QueuedForTest returns how many writes wait for SQLite's next commit.
func (s *Store) QueuedForTest() int { return len(s.commits.queue) }

// ShowForTest returns a parameter of a session.
func (s *Store) ShowForTest(ctx context.Context, name string) (text string, err error) {
	err = s.write.QueryRowContext(ctx, "SELECT current_setting(?)", name).Scan(&text)
	return text, err
}

// QueryForTest runs a query and returns what the store makes of its error.
func (s *Store) QueryForTest(ctx context.Context, query string) error {
	var rows [][]byte
	return translate(s.read.NewRaw(query).Scan(ctx, &rows), "query", nil)
}

// DownForTest takes the schema back to a version.
func (s *Store) DownForTest(ctx context.Context, version int64) error {
	provider, err := s.provider()
	if err != nil {
		return err
	}
	_, err = provider.DownTo(ctx, version)
	return err
}

// PlanForTest returns how PostgreSQL finds the changes of a query.
func (s *Store) PlanForTest(ctx context.Context, q ports.ChangeQuery) (string, error) {
	query := selectChanges(s.read.NewSelect().Model((*changeRow)(nil)), q).Order("revision").Limit(q.Limit)
	var lines []string
	err := s.read.NewRaw("EXPLAIN ?", query).Scan(ctx, &lines)
	return strings.Join(lines, "\n"), err
}
