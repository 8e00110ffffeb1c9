package e2e_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/signalbox-hq/signalbox/bootstrap"
	"github.com/signalbox-hq/signalbox/bootstrap/settings"
	"github.com/signalbox-hq/signalbox/domain/access"
)

// patience bounds everything that a test waits for.
const patience = 20 * time.Second

// service is a running service and what it wrote.
type service struct {
	url         string
	databaseURL string
	log         *lines
	out         *lines
}

// boot runs the service in this process until the test ends, on a database and
// with settings as an operator would write them ("NAME=value").
func boot(t *testing.T, databaseURL string, environ ...string) *service {
	t.Helper()
	s, stop := run(t, databaseURL, environ...)
	t.Cleanup(stop)
	return s
}

// run is boot until stop is called.
func run(t *testing.T, databaseURL string, environ ...string) (s *service, stop func()) {
	t.Helper()
	environ = append([]string{
		"DATABASE_URL=" + databaseURL, "SERVICE_PORT=0", "LOG_LEVEL=DEBUG", "BOOTSTRAP_ADMIN_KEY=" + adminKey(t),
	}, environ...)
	set, _, err := settings.Load(environ, "")
	require.NoError(t, err)
	log, out := newLines(), newLines()
	app := bootstrap.New(set, "e2e", bootstrap.Output{Out: out, Log: logger(log)})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.NoError(t, app.Start(ctx))
	return &service{url: loopback(app.Addr()), databaseURL: databaseURL, log: log, out: out}, func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, app.Stop(ctx))
	}
}

// logger writes everything, as JSON.
func logger(w *lines) *zap.Logger {
	encoder := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
	return zap.New(zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(w)), zapcore.DebugLevel))
}

// loopback returns the URL of a service that listens on that address.
func loopback(address string) string {
	return "http://127.0.0.1:" + address[strings.LastIndexByte(address, ':')+1:]
}

// adminKey returns the admin key of every service that a test starts.
func adminKey(tb testing.TB) string {
	tb.Helper()
	token, err := access.NewToken("e2eadmin", strings.Repeat("E2e8", 8))
	require.NoError(tb, err)
	return token.Text().Reveal()
}

// admin returns a client that may do everything.
func (s *service) admin(tb testing.TB) client {
	tb.Helper()
	return client{url: s.url, key: adminKey(tb)}
}

// anonymous returns a client without a key.
func (s *service) anonymous() client { return client{url: s.url} }
