package migrator

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/pressly/goose/v3/database"
	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/adapters/bunstore/dberror"
)

// schema is what a database holds of a source.
type schema struct {
	source Source
	// table is the version table, or empty where the database has none of the source.
	table string
	// migrations are those that this binary knows, in order.
	migrations []Migration
	// latest is the highest version that was applied; 0 for none.
	latest int64
	// foreign are tables under the source's names in a database without its version table.
	foreign []string
}

// outdated reports whether Up has something to apply.
func (f schema) outdated() bool {
	return f.table != f.source.Table || slices.ContainsFunc(f.migrations, func(m Migration) bool { return !m.Applied })
}

// refusal returns why this binary does not change the database, or nil.
func (f schema) refusal() error {
	if len(f.foreign) > 0 {
		return fmt.Errorf("the database holds tables of another program (%s): Signalbox does not change them; "+
			"point DATABASE_URL at an empty database, or on PostgreSQL at a schema of its own",
			strings.Join(f.foreign, ", "))
	}
	if known := f.migrations[len(f.migrations)-1].Version; f.latest > known {
		return fmt.Errorf("the database is at version %d%s, this binary knows %d: start a newer signalbox",
			f.latest, f.of(), known)
	}
	return nil
}

// of names the source in an error.
func (f schema) of() string {
	if f.source.Name == "" {
		return ""
	}
	return " of " + f.source.Name
}

// read reads what the database holds of all sources. Nothing is written. Another
// process may rename a version table in between; then the tables are read once more.
func (m Migrator) read(ctx context.Context) ([]schema, error) {
	if err := checkSources(m.Sources); err != nil {
		return nil, err
	}
	list := make([]schema, len(m.Sources))
	for i, source := range m.Sources {
		found, err := m.readSource(ctx, source)
		if dberror.UndefinedTable(err) {
			found, err = m.readSource(ctx, source)
		}
		if err != nil {
			return nil, err
		}
		list[i] = found
	}
	return list, nil
}

func (m Migrator) readSource(ctx context.Context, source Source) (schema, error) {
	found := schema{source: source}
	known, created, err := source.known(m.Dialect)
	if err != nil {
		return found, err
	}
	found.migrations = known
	tables, err := m.tables(ctx, append(created, source.Table, source.formerTable, source.formerMark))
	if err != nil {
		return found, err
	}
	switch {
	case slices.Contains(tables, source.Table):
		found.table = source.Table
	case source.formerTable != "" && slices.Contains(tables, source.formerTable) &&
		slices.Contains(tables, source.formerMark):
		found.table = source.formerTable
	default:
		found.foreign = slices.DeleteFunc(tables, func(t string) bool { return !slices.Contains(created, t) })
		return found, nil
	}
	return found, m.markApplied(ctx, &found)
}

// markApplied reads which migrations were applied, and when.
func (m Migrator) markApplied(ctx context.Context, found *schema) error {
	versions, err := database.NewStore(m.Dialect, found.table)
	if err != nil {
		return fmt.Errorf("prepare the version table: %w", err)
	}
	list, err := versions.ListMigrations(ctx, m.Read.DB)
	if err != nil {
		return dberror.Translate(err, "read the version table", nil)
	}
	for _, applied := range list {
		if !applied.IsApplied {
			continue
		}
		found.latest = max(found.latest, applied.Version)
		i := slices.IndexFunc(found.migrations, func(k Migration) bool { return k.Version == applied.Version })
		if i < 0 {
			continue
		}
		detail, err := versions.GetMigration(ctx, m.Read.DB, applied.Version)
		if err != nil {
			return dberror.Translate(err, "read the version table", nil)
		}
		found.migrations[i].Applied, found.migrations[i].AppliedAt = true, detail.Timestamp
	}
	return nil
}

// tables returns which of the names are tables or views, in order.
func (m Migrator) tables(ctx context.Context, names []string) (found []string, err error) {
	if m.postgres() {
		err = m.Read.NewSelect().TableExpr("pg_catalog.pg_class AS c").Column("c.relname").
			Join("JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace").
			Where("n.nspname = current_schema()").Where("c.relkind IN ('r', 'p', 'v', 'm', 'f')").
			Where("c.relname IN (?)", bun.List(names)).Order("c.relname").Limit(len(names)).Scan(ctx, &found)
	} else {
		err = m.Read.NewSelect().TableExpr("sqlite_master").Column("name").Where("type IN ('table', 'view')").
			Where("name IN (?)", bun.List(names)).Order("name").Limit(len(names)).Scan(ctx, &found)
	}
	return found, dberror.Translate(err, "list the tables", nil)
}
