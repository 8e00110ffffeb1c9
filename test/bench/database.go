package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/uptrace/bun/driver/pgdriver"
)

// postgresVariable names a server on which databases may be created.
const postgresVariable = "TEST_POSTGRES_URL"

// createDatabase creates an empty database on the PostgreSQL server for tests, and returns
// its URL and a function that drops it.
func createDatabase(ctx context.Context, b *bench, purpose string) (string, func(), error) {
	server := os.Getenv(postgresVariable)
	if server == "" {
		return "", nil, &missingError{"set " + postgresVariable + " to a PostgreSQL server on which databases may be created"}
	}
	at, err := url.Parse(server)
	if err != nil {
		return "", nil, fmt.Errorf("%s is not a URL", postgresVariable)
	}
	name := fmt.Sprintf("signalbox_bench_%d_%s", os.Getpid(), purpose)
	if err := administer(ctx, server, `CREATE DATABASE "`+name+`"`); err != nil {
		return "", nil, err
	}
	at.Path = "/" + name
	drop := func() {
		// Also if the bench was interrupted.
		err := administer(context.WithoutCancel(ctx), server, `DROP DATABASE IF EXISTS "`+name+`" WITH (FORCE)`)
		if err != nil {
			b.note("the database %s stays: %v", name, err)
		}
	}
	return at.String(), drop, nil
}

// administer runs one statement on the server.
func administer(ctx context.Context, server, statement string) error {
	db := sql.OpenDB(pgdriver.NewConnector(pgdriver.WithDSN(server)))
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(ctx, statement); err != nil {
		return fmt.Errorf("%s: %w", strings.ToLower(statement[:strings.IndexByte(statement, '"')])+"…", err)
	}
	return nil
}
