package bunstore

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

// versionTable records which steps were applied. The name is ours alone, so that
// the goose_db_version of another program in the same database is not taken for it.
const versionTable = "signalbox_migrations"

// Earlier builds recorded steps in goose's default table. It is ours where a table
// that no other program has stands beside it.
const (
	formerVersionTable = "goose_db_version"
	ownTable           = "server_secrets"
)

// schema is what a database holds of the steps.
type schema struct {
	// table is the version table, or empty where the database has none of ours.
	table string
	// steps are those that this binary knows, in order.
	steps []Migration
	// latest is the highest version that was applied; 0 for none.
	latest int64
	// foreign are tables under our names in a database that is not ours.
	foreign []string
}

// outdated reports whether Migrate has something to do.
func (f schema) outdated() bool {
	return f.table != versionTable || slices.ContainsFunc(f.steps, func(m Migration) bool { return !m.Applied })
}

// refusal returns why this binary does not touch the database, or nil.
func (f schema) refusal() error {
	if len(f.foreign) > 0 {
		return fmt.Errorf("the database holds tables of another program (%s): Signalbox does not change them; "+
			"point DATABASE_URL at an empty database, or on PostgreSQL at a schema of its own",
			strings.Join(f.foreign, ", "))
	}
	if known := f.steps[len(f.steps)-1].Version; f.latest > known {
		return fmt.Errorf(
			"the database is at version %d, this binary knows %d: start a newer signalbox", f.latest, known)
	}
	return nil
}

// schema reads what the database holds. Nothing is written. Another process may
// rename the version table in between; then the tables are read once more.
func (s *Store) schema(ctx context.Context) (schema, error) {
	found, err := s.readSchema(ctx)
	if sqlState(err) == undefinedTable {
		return s.readSchema(ctx)
	}
	return found, err
}

// undefinedTable is PostgreSQL's code for a table that does not exist.
const undefinedTable = "42P01"

func (s *Store) readSchema(ctx context.Context) (schema, error) {
	var found schema
	steps, created, err := s.knownSteps()
	if err != nil {
		return found, err
	}
	found.steps = steps
	tables, err := s.tables(ctx)
	if err != nil {
		return found, err
	}
	switch {
	case slices.Contains(tables, versionTable):
		found.table = versionTable
	case slices.Contains(tables, formerVersionTable) && slices.Contains(tables, ownTable):
		found.table = formerVersionTable
	default:
		found.foreign = slices.DeleteFunc(tables, func(t string) bool { return !slices.Contains(created, t) })
		return found, nil
	}
	return found, s.markApplied(ctx, &found)
}

// markApplied reads which steps were applied, and when.
func (s *Store) markApplied(ctx context.Context, found *schema) error {
	versions, err := database.NewStore(s.gooseDialect(), found.table)
	if err != nil {
		return fmt.Errorf("prepare the version table: %w", err)
	}
	list, err := versions.ListMigrations(ctx, s.read.DB)
	if err != nil {
		return translate(err, "read the version table", nil)
	}
	for _, m := range list {
		if !m.IsApplied {
			continue
		}
		found.latest = max(found.latest, m.Version)
		i := slices.IndexFunc(found.steps, func(k Migration) bool { return k.Version == m.Version })
		if i < 0 {
			continue
		}
		detail, err := versions.GetMigration(ctx, s.read.DB, m.Version)
		if err != nil {
			return translate(err, "read the version table", nil)
		}
		found.steps[i].Applied, found.steps[i].AppliedAt = true, detail.Timestamp
	}
	return nil
}

// tables returns the names of the tables and views that a step would collide with,
// in order.
func (s *Store) tables(ctx context.Context) ([]string, error) {
	query := s.read.NewSelect().TableExpr("sqlite_master").Column("name").
		Where("type IN ('table', 'view')").Order("name")
	if s.dialect == postgres {
		query = s.read.NewSelect().TableExpr("pg_catalog.pg_class AS c").Column("c.relname").
			Join("JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace").
			Where("n.nspname = current_schema()").Where("c.relkind IN ('r', 'p', 'v', 'm', 'f')").Order("c.relname")
	}
	var names []string
	if err := scanSelect(ctx, query, &names); err != nil {
		return nil, translate(err, "list the tables", nil)
	}
	return names, nil
}

// knownSteps returns the steps of this binary in order, and the tables that they
// create.
func (s *Store) knownSteps() (steps []Migration, created []string, err error) {
	files, err := s.migrationFiles()
	if err != nil {
		return nil, nil, err
	}
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return nil, nil, fmt.Errorf("list the migrations: %w", err)
	}
	for _, name := range names {
		version, err := goose.NumericComponent(name)
		if err != nil {
			return nil, nil, fmt.Errorf("read the migrations: %w", err)
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, nil, fmt.Errorf("read the migrations: %w", err)
		}
		steps = append(steps, Migration{Version: version, Name: name})
		created = append(created, tablesCreated(string(text))...)
	}
	return steps, created, nil
}

// tablesCreated returns the tables that a step creates.
func tablesCreated(step string) (tables []string) {
	for line := range strings.Lines(step) {
		if rest, found := strings.CutPrefix(line, "CREATE TABLE "); found {
			name, _, _ := strings.Cut(rest, " ")
			tables = append(tables, name)
		}
	}
	return tables
}

// QuickCheck returns nil if the database's file is sound, as far as SQLite can
// tell without reading every index (PRAGMA quick_check); else an error with what
// SQLite says. PostgreSQL checks its pages by itself.
func (s *Store) QuickCheck(ctx context.Context) error {
	if s.dialect != sqlite3 {
		return nil
	}
	var found []string
	err := s.read.NewSelect().TableExpr("pragma_quick_check").Column("quick_check").Scan(ctx, &found)
	switch {
	case err != nil:
		return fmt.Errorf("the database file is damaged: %w", err)
	case len(found) != 1 || found[0] != "ok":
		return fmt.Errorf("the database file is damaged: %s", strings.Join(found, "; "))
	}
	return nil
}
