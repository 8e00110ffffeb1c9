package harness

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/ory/dockertest/v3"
	"github.com/ory/dockertest/v3/docker"
	"github.com/uptrace/bun/driver/pgdriver"
)

// fromDocker starts a container if a Docker daemon and the image are available.
func fromDocker(s *server) (string, error) {
	pool, err := dockertest.NewPool("")
	if err != nil || pool.Client.Ping() != nil {
		return "", nil //nolint:nilerr // no Docker: the next source is tried
	}
	container, err := pool.RunWithOptions(&dockertest.RunOptions{
		Repository: "postgres", Tag: "17",
		// Killed tests do not purge: the container exits by itself.
		Entrypoint: []string{"timeout", "1h", "docker-entrypoint.sh"}, Cmd: []string{"postgres"},
		Env: []string{"POSTGRES_USER=signalbox", "POSTGRES_PASSWORD=signalbox", "POSTGRES_DB=signalbox"},
	}, func(c *docker.HostConfig) { c.AutoRemove = true })
	if err != nil {
		return "", nil //nolint:nilerr // no image: the next source is tried
	}
	s.cleanups = append(s.cleanups, func() { _ = pool.Purge(container) })
	address := "postgres://signalbox:signalbox@" + container.GetHostPort("5432/tcp") + "/signalbox?sslmode=disable"
	pool.MaxWait = startTimeout
	if err := pool.Retry(func() error { return ping(address) }); err != nil {
		return "", fmt.Errorf("wait for PostgreSQL in Docker: %w", err)
	}
	return address, nil
}

// ping returns nil if the server answers a query.
func ping(address string) error {
	db := sql.OpenDB(pgdriver.NewConnector(pgdriver.WithDSN(address)))
	defer func() { _ = db.Close() }()
	_, err := db.ExecContext(context.Background(), "SELECT 1")
	return err
}
