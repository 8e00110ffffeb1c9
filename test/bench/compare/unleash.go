package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"

	"github.com/uptrace/bun/driver/pgdriver"
)

// unleashServer is Unleash on PostgreSQL, which TEST_POSTGRES_URL names. Its checks for
// new versions and its telemetry are off.
func unleashServer(node string) server {
	return server{name: "Unleash", start: func(ctx context.Context, dir string) (*running, error) {
		address, err := freeAddress()
		if err != nil {
			return nil, err
		}
		database, drop, err := createDatabase(ctx)
		if err != nil {
			return nil, err
		}
		script, err := filepath.Abs("unleash/node_modules/unleash-server/dist/server.js")
		if err != nil {
			return nil, err
		}
		_, port, _ := net.SplitHostPort(address)
		p, err := launch(ctx, dir, "http://"+address+"/health", []string{
			"DATABASE_URL=" + database, "DATABASE_SSL=false", "HTTP_HOST=127.0.0.1", "HTTP_PORT=" + port,
			"INIT_ADMIN_API_TOKENS=*:*.admin", "INIT_FRONTEND_API_TOKENS=default:development.frontend",
			"CHECK_VERSION=false", "SEND_TELEMETRY=false", "LOG_LEVEL=error", "NODE_ENV=production",
		}, node, script)
		if err != nil {
			drop()
			return nil, err
		}
		p.cleanup = drop
		r := &running{process: p, loads: []load{{
			name: "evaluate a flag", protocol: " (frontend API)", connect: overHTTP(address, "GET",
				"/api/frontend?userId=user123", "Authorization: default:development.frontend\r\n", nil),
		}}}
		features := "http://" + address + "/api/admin/projects/default/features"
		at := features + "/new_checkout_flow/environments/development"
		return r, errors.Join(
			call(ctx, "POST", features, "*:*.admin", `{"name":"new_checkout_flow","type":"release"}`),
			call(ctx, "POST", at+"/strategies", "*:*.admin", `{"name":"flexibleRollout","parameters":`+
				`{"rollout":"50","stickiness":"userId","groupId":"new_checkout_flow"}}`),
			call(ctx, "POST", at+"/on", "*:*.admin", ""))
	}}
}

// createDatabase creates a database on the server that TEST_POSTGRES_URL names, and returns
// its URL and a function that drops it.
func createDatabase(ctx context.Context) (string, func(), error) {
	at, err := url.Parse(os.Getenv("TEST_POSTGRES_URL"))
	if err != nil || at.Host == "" {
		return "", nil, errors.New("TEST_POSTGRES_URL names no PostgreSQL server")
	}
	db := sql.OpenDB(pgdriver.NewConnector(pgdriver.WithDSN(at.String())))
	name := fmt.Sprintf("compare_%d", os.Getpid())
	if _, err := db.ExecContext(ctx, "CREATE DATABASE "+name); err != nil {
		return "", nil, errors.Join(err, db.Close())
	}
	at.Path = "/" + name
	return at.String(), func() {
		_, _ = db.ExecContext(context.WithoutCancel(ctx), "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
		_ = db.Close()
	}, nil
}
