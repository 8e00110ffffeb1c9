package bunstore

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/pressly/goose/v3"
	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/adapters/bunstore/dberror"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/migrator"
)

// Module is what a module's repositories add to the store.
type Module struct {
	// Migrations are its own, nil where its tables are among Signalbox's.
	Migrations *migrator.Source
	// Inspect are the checks of its tables for unreadable rows: see InspectTable.
	Inspect []Inspection
	// BeginEpoch runs in the transaction that begins an epoch of the feed, because the
	// stored data went back in time; nil for none.
	BeginEpoch func(context.Context, bun.Tx) error
}

// migrator returns what migrates the database: Signalbox's migrations, then those of
// the modules by name.
func (s *Store) migrator() migrator.Migrator {
	m := migrator.Migrator{
		Read: s.read, Write: s.write, Dialect: goose.DialectSQLite3, Sources: []migrator.Source{migrator.Own()},
	}
	if s.dialect == Postgres {
		m.Dialect = goose.DialectPostgres
	}
	for _, module := range s.options.Modules {
		if module.Migrations != nil {
			m.Sources = append(m.Sources, *module.Migrations)
		}
	}
	slices.SortFunc(m.Sources, func(a, b migrator.Source) int { return strings.Compare(a.Name, b.Name) })
	return m
}

// Migrate applies the missing migrations and returns how many: see migrator.Up. A
// SQLite file is migrated by one process at a time.
func (s *Store) Migrate(ctx context.Context) (applied int, err error) {
	release, err := s.lockFile(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, release()) }()
	return s.migrator().Up(ctx)
}

// CheckSchema returns nil if the database is what this binary was built for: see
// migrator.Check.
func (s *Store) CheckSchema(ctx context.Context) error { return s.migrator().Check(ctx) }

// MigrationStatus lists the migrations that this binary knows. Nothing is written.
func (s *Store) MigrationStatus(ctx context.Context) ([]migrator.Migration, error) {
	return s.migrator().Status(ctx)
}

// BeginEpoch runs what the modules have to do when the stored data went back in time.
func (s *Store) BeginEpoch(ctx context.Context, tx bun.Tx) error {
	for _, m := range s.options.Modules {
		if m.BeginEpoch == nil {
			continue
		}
		if err := m.BeginEpoch(ctx, tx); err != nil {
			return err
		}
	}
	return nil
}

// Inspect reads the current rows of all modules, so that unreadable ones are known
// before a request finds them, and removes repaired ones from the count. Deleted,
// removed and revoked rows, and histories, are left out.
func (s *Store) Inspect(ctx context.Context) error {
	for _, m := range s.options.Modules {
		for _, table := range m.Inspect {
			if err := table(ctx, s); err != nil {
				return err
			}
		}
	}
	return nil
}

// Inspection reads a table, and notes its unreadable rows.
type Inspection func(context.Context, *Store) error

// inspectPage bounds the rows that are in memory.
const inspectPage = 200

// InspectTable reads a table page by page: with a new query in the order of the table's
// key, which after narrows to the rows after one.
func InspectTable[R Row[T], T any](
	ctx context.Context, s *Store, table string, query func() *bun.SelectQuery, after func(*bun.SelectQuery, R),
) error {
	end := s.damage.begin(table)
	q := query()
	for {
		rows, broken, err := scanned[R](ctx, s, q, inspectPage)
		if err != nil {
			return dberror.Translate(err, "inspect "+table, nil)
		}
		for i, r := range rows {
			rehydrated(s, r, broken[i])
		}
		if len(rows) < inspectPage {
			break
		}
		q = query()
		after(q, rows[len(rows)-1])
	}
	end()
	return nil
}

// InspectByID returns the inspection of a table whose key is the id of a row, over the
// rows of a query.
func InspectByID[R Row[T], T any](
	table string, query func(*Store) *bun.SelectQuery, id func(R) any,
) Inspection {
	return func(ctx context.Context, s *Store) error {
		return InspectTable(ctx, s, table, func() *bun.SelectQuery { return query(s).Order("id") },
			func(q *bun.SelectQuery, last R) { q.Where("id > ?", id(last)) })
	}
}
