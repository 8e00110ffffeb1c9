package harness

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun/driver/pgdriver"
)

// howToProvidePostgres is the reason of a skip.
const howToProvidePostgres = "no PostgreSQL: set TEST_POSTGRES_URL to a superuser's URL, or install Docker or PostgreSQL's server binaries"

// startTimeout bounds the start of a server.
const startTimeout = 60 * time.Second

// Prepare creates the initial state of every test in an empty database.
type Prepare func(ctx context.Context, url string) error

// Postgres returns the URL of a new database that is dropped after the test. The first
// call of a test binary prepares a template that further calls copy, so prepare must be
// the same in one package.
func Postgres(tb testing.TB, prepare Prepare) string {
	tb.Helper()
	template, err := shared().template(prepare)
	if err != nil {
		require.NoError(tb, err, "start PostgreSQL for tests")
	}
	if template == "" {
		Skip(tb, howToProvidePostgres)
	}
	name := "test_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	require.NoError(tb, shared().execute(`CREATE DATABASE `+name+` TEMPLATE `+template))
	tb.Cleanup(func() {
		if err := shared().execute(`DROP DATABASE ` + name + ` WITH (FORCE)`); err != nil {
			tb.Errorf("drop the test's database: %v", err)
		}
	})
	return shared().database(name)
}

// Skip skips a test that lacks a service, or fails it if REQUIRE_SERVICES=1.
func Skip(tb testing.TB, reason string) {
	tb.Helper()
	if os.Getenv("REQUIRE_SERVICES") == "1" {
		tb.Fatal("REQUIRE_SERVICES=1, but there is " + reason)
	}
	tb.Skip("left out, there is " + reason)
}

// Run runs a package's tests and stops what the harness started for them. A package that
// calls Postgres has it in its TestMain.
func Run(m *testing.M) int {
	defer shared().stop()
	return m.Run()
}

// server is the PostgreSQL of one test binary, and its Redis.
type server struct {
	start    sync.Once
	url      string
	err      error
	cleanups []func()

	prepare      sync.Once
	templateName string
	prepareErr   error

	startRedis sync.Once
	redis      string
	redisErr   error
}

// shared returns the server of this test binary.
var shared = sync.OnceValue(func() *server { return &server{} })

// open returns the URL of a superuser, or "" if there is no server.
func (s *server) open() (string, error) {
	s.start.Do(func() {
		for _, source := range []func(*server) (string, error){fromEnvironment, fromDocker, fromBinary} {
			if s.url, s.err = source(s); s.url != "" || s.err != nil {
				return
			}
		}
	})
	return s.url, s.err
}

func fromEnvironment(*server) (string, error) { return os.Getenv("TEST_POSTGRES_URL"), nil }

func (s *server) template(prepare Prepare) (string, error) {
	if found, err := s.open(); found == "" || err != nil {
		return "", err
	}
	s.prepare.Do(func() {
		name := "template_" + strings.ReplaceAll(uuid.NewString(), "-", "")
		if s.prepareErr = s.execute(`CREATE DATABASE ` + name); s.prepareErr != nil {
			return
		}
		s.cleanups = append(s.cleanups, func() { _ = s.execute(`DROP DATABASE ` + name + ` WITH (FORCE)`) })
		ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
		defer cancel()
		s.templateName, s.prepareErr = name, prepare(ctx, s.database(name))
	})
	return s.templateName, s.prepareErr
}

// database returns the URL of a database by name.
func (s *server) database(name string) string {
	u, err := url.Parse(s.url)
	if err != nil {
		panic("harness: the server's URL is invalid")
	}
	u.Path = "/" + name
	return u.String()
}

// execute runs one statement as the superuser.
func (s *server) execute(statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	db := sql.OpenDB(pgdriver.NewConnector(pgdriver.WithDSN(s.url), pgdriver.WithReadTimeout(startTimeout)))
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(ctx, statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

// stop runs the cleanups in reverse order.
func (s *server) stop() {
	for _, cleanup := range slices.Backward(s.cleanups) {
		cleanup()
	}
}
