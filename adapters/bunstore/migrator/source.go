package migrator

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/signalbox-hq/signalbox/migrations"
)

// Source is a set of migrations with a version table of its own.
type Source struct {
	// Name names the module in errors, and precedes the names of its migrations; empty
	// for Signalbox's own.
	Name string
	// Table is the version table. Its name belongs to the source alone.
	Table string
	// Files holds postgres/*.sql and sqlite/*.sql, one migration per file, with the same
	// names in both.
	Files fs.FS
	// formerTable is the name of the version table in earlier builds, which is this
	// source's where formerMark stands beside it.
	formerTable, formerMark string
}

// Own returns the migrations of Signalbox. The name of the version table is its own,
// so that goose's default table of another program in the database is not taken for
// it. Earlier builds used the default table.
func Own() Source {
	return Source{
		Table: "signalbox_migrations", Files: migrations.Files,
		formerTable: "goose_db_version", formerMark: "server_secrets",
	}
}

// Migration is one migration.
type Migration struct {
	Version   int64
	Name      string
	Applied   bool
	AppliedAt time.Time
}

// files returns the migrations of a dialect.
func (s Source) files(dialect goose.Dialect) (fs.FS, error) {
	folder := "sqlite"
	if dialect == goose.DialectPostgres {
		folder = "postgres"
	}
	files, err := fs.Sub(s.Files, folder)
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	return files, nil
}

// known returns the migrations of this binary in order, and the tables that they
// create.
func (s Source) known(dialect goose.Dialect) (list []Migration, created []string, err error) {
	files, err := s.files(dialect)
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
		list = append(list, Migration{Version: version, Name: s.shown(name)})
		created = append(created, tablesCreated(string(text))...)
	}
	if len(list) == 0 {
		return nil, nil, fmt.Errorf("read the migrations: %q has none", s.Name)
	}
	return list, created, nil
}

func (s Source) shown(name string) string {
	if s.Name == "" {
		return name
	}
	return s.Name + "/" + name
}

// tablesCreated returns the tables that a migration creates.
func tablesCreated(migration string) (tables []string) {
	for line := range strings.Lines(migration) {
		if rest, found := strings.CutPrefix(line, "CREATE TABLE "); found {
			name, _, _ := strings.Cut(rest, " ")
			tables = append(tables, name)
		}
	}
	return tables
}

// checkSources returns an error if two sources would share a version table.
func checkSources(sources []Source) error {
	for i, s := range sources {
		if s.Table == "" || s.Files == nil {
			return fmt.Errorf("migrations of %q: a version table and files are required", s.Name)
		}
		if slices.ContainsFunc(sources[:i], func(other Source) bool { return other.Table == s.Table }) {
			return fmt.Errorf("migrations of %q: the version table %s belongs to another module", s.Name, s.Table)
		}
	}
	return nil
}
