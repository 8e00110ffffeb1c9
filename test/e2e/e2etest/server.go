package e2etest

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/signalbox-hq/signalbox/bootstrap"
	"github.com/signalbox-hq/signalbox/bootstrap/settings"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/test/exchange"
)

// Timeout bounds each wait of a test.
const Timeout = 20 * time.Second

// PollInterval is the pause between two attempts of a test that waits for something.
const PollInterval = 20 * time.Millisecond

// PropagationBound bounds the time that a change takes from one replica to another while
// tests of all packages share the machine.
const PropagationBound = 2 * time.Second

// Server is a running service with its output.
type Server struct {
	URL         string
	DatabaseURL string
	Log         *Lines
	Out         *Lines

	document *exchange.Document
}

// Boot runs the service in this process until the test ends, with settings as in an
// environment ("NAME=value").
func Boot(t *testing.T, databaseURL string, environ ...string) *Server {
	t.Helper()
	s, stop := Run(t, databaseURL, environ...)
	t.Cleanup(stop)
	return s
}

// BootWith is Boot with further modules.
func BootWith(t *testing.T, databaseURL string, added []bootstrap.Module, environ ...string) *Server {
	t.Helper()
	s, stop := run(t, databaseURL, added, environ...)
	t.Cleanup(stop)
	document, err := exchange.Parse(s.Anonymous().Get(t, "/openapi.json").Want(t, http.StatusOK).Body)
	require.NoError(t, err)
	s.document = document
	return s
}

// Run is Boot until stop is called.
func Run(t *testing.T, databaseURL string, environ ...string) (s *Server, stop func()) {
	t.Helper()
	return run(t, databaseURL, nil, environ...)
}

func run(t *testing.T, databaseURL string, added []bootstrap.Module, environ ...string) (s *Server, stop func()) {
	t.Helper()
	environ = append([]string{
		"DATABASE_URL=" + databaseURL, "SERVICE_PORT=0", "LOG_LEVEL=DEBUG", "BOOTSTRAP_ADMIN_KEY=" + AdminKey(t),
	}, environ...)
	topics := bootstrap.Descriptors().Topics()
	for _, m := range added {
		topics = append(topics, m.Descriptor.Topic)
	}
	set, _, err := settings.Load(environ, "", topics)
	require.NoError(t, err)
	log, out := NewLines(), NewLines()
	app := bootstrap.New(set, "e2e", bootstrap.Output{Out: out, Log: logger(log)}, added...)
	ctx, cancel := context.WithTimeout(t.Context(), Timeout)
	defer cancel()
	require.NoError(t, app.Start(ctx))
	return &Server{URL: loopbackURL(app.Addr()), DatabaseURL: databaseURL, Log: log, Out: out}, func() {
		ctx, cancel := context.WithTimeout(context.Background(), Timeout)
		defer cancel()
		require.NoError(t, app.Stop(ctx))
	}
}

// logger logs all levels as JSON.
func logger(w *Lines) *zap.Logger {
	encoder := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
	return zap.New(zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(w)), zapcore.DebugLevel))
}

// loopbackURL returns the URL of a service that listens on an address.
func loopbackURL(address string) string {
	return "http://127.0.0.1:" + address[strings.LastIndexByte(address, ':')+1:]
}

// AdminKey returns the admin key of every service that a test starts.
func AdminKey(tb testing.TB) string {
	tb.Helper()
	token, err := access.NewToken("e2eadmin", strings.Repeat("E2e8", 8))
	require.NoError(tb, err)
	return token.Text().Reveal()
}

// Admin returns a client with the admin key.
func (s *Server) Admin(tb testing.TB) Client {
	tb.Helper()
	return s.client(AdminKey(tb))
}

// Anonymous returns a client without a key.
func (s *Server) Anonymous() Client { return s.client("") }

func (s *Server) client(key string) Client {
	return Client{URL: s.URL, Key: key, document: s.document}
}
