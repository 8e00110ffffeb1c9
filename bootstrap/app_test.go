package bootstrap_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/fx"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/signalbox-hq/signalbox/application/changefeed"
	"github.com/signalbox-hq/signalbox/bootstrap"
	"github.com/signalbox-hq/signalbox/bootstrap/settings"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/ports"
)

// timeout bounds the start and the stop of an app.
const timeout = 20 * time.Second

// service is an app with its output.
type service struct {
	*bootstrap.App

	out  *bytes.Buffer
	logs *observer.ObservedLogs
}

// newService wires an app on SQLite in memory, with settings as in an environment.
func newService(t *testing.T, environ []string, added ...bootstrap.Module) service {
	t.Helper()
	environ = append([]string{"DATABASE_URL=sqlite://:memory:", "SERVICE_PORT=0"}, environ...)
	s, _, err := settings.Load(environ, "", bootstrap.Descriptors().Topics())
	require.NoError(t, err)
	core, logs := observer.New(zap.InfoLevel)
	out := new(bytes.Buffer)
	return service{
		App: bootstrap.New(s, "test", bootstrap.Output{Out: out, Terminal: true, Log: zap.New(core)}, added...), out: out, logs: logs,
	}
}

// start starts the app and stops it when the test ends.
func (s service) start(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	require.NoError(t, s.Start(ctx))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), timeout)
		defer cancel()
		require.NoError(t, s.Stop(ctx))
	})
}

// get requests a path of a started app, with a key if there is one.
func (s service) get(t *testing.T, path, key string) (status int, body map[string]any) {
	t.Helper()
	_, port, err := net.SplitHostPort(s.Addr())
	require.NoError(t, err)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:"+port+path, http.NoBody)
	require.NoError(t, err)
	if key != "" {
		request.Header.Set("Authorization", "ApiKey "+key)
	}
	response, err := new(http.Client).Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	require.NoError(t, json.NewDecoder(response.Body).Decode(&body))
	return response.StatusCode, body
}

// printedKey returns the admin key that the first start printed.
func (s service) printedKey(t *testing.T) string {
	t.Helper()
	key, rest, found := strings.Cut(strings.TrimPrefix(s.out.String(), "admin key: "), "\n")
	require.True(t, found, s.out.String())
	require.Equal(t, "(shown this once; create others with 'signalbox key create')\n", rest)
	return key
}

func TestAppStartsAndStops(t *testing.T) {
	t.Parallel()

	t.Run("it starts on an empty database, is ready, and refuses connections after the stop", func(t *testing.T) {
		t.Parallel()
		s := newService(t, nil)
		ctx, cancel := context.WithTimeout(t.Context(), timeout)
		defer cancel()
		require.NoError(t, s.Start(ctx))
		status, _ := s.get(t, "/readyz", "")
		assert.Equal(t, http.StatusOK, status)
		status, health := s.get(t, "/health", s.printedKey(t))
		assert.Equal(t, http.StatusOK, status)
		assert.Equal(t, "healthy", health["status"])
		assert.Equal(t, []string{"database migrated", "ready"}, messages(s.logs))

		require.NoError(t, s.Stop(ctx))
		_, err := new(net.Dialer).DialContext(ctx, "tcp", s.Addr())
		require.Error(t, err)
		assert.Empty(t, s.Failed())
	})

	t.Run("a configured admin key is not printed", func(t *testing.T) {
		t.Parallel()
		key := newKey(t)
		s := newService(t, []string{"BOOTSTRAP_ADMIN_KEY=" + key})
		s.start(t)
		assert.Empty(t, s.out.String())
		status, _ := s.get(t, "/api/v1/config/", key)
		assert.Equal(t, http.StatusOK, status)
	})

	t.Run("settings that weaken security are logged", func(t *testing.T) {
		t.Parallel()
		s := newService(t, []string{"AUTH_ENABLED=false", "ENABLE_ENCRYPTION=true"})
		s.start(t)
		logged := strings.Join(messages(s.logs), "\n")
		assert.Contains(t, logged, "authentication disabled (AUTH_ENABLED=false)")
		assert.Contains(t, logged, "encryption unavailable: ENABLE_ENCRYPTION=true without ENCRYPTION_KEY")
		assert.Empty(t, s.out.String(), "no key is created")
	})
}

// newKey returns an admin key that another app has created.
func newKey(t *testing.T) string {
	t.Helper()
	s := newService(t, nil)
	s.start(t)
	return s.printedKey(t)
}

func messages(logs *observer.ObservedLogs) []string {
	var list []string
	for _, entry := range logs.All() {
		list = append(list, entry.Message)
	}
	return list
}

// groups are the members of the value groups.
type groups struct {
	fx.In

	Modules     []ports.Module          `group:"modules"`
	Subscribers []changefeed.Subscriber `group:"subscribers"`
	Conditions  []ports.Conditions      `group:"conditions"`
}

// collecting returns a module that provides a condition, and what it sees of the groups.
func collecting(options ...fx.Option) (bootstrap.Module, *groups) {
	seen := new(groups)
	condition := func() ports.Conditions {
		return func() []ports.Condition { return []ports.Condition{{Name: "added", Message: "by a module"}} }
	}
	return bootstrap.Module{
		Descriptor: ports.Module{AggregateType: "added"},
		Options: fx.Options(append(options,
			fx.Provide(fx.Annotate(condition, fx.ResultTags(`group:"conditions"`))),
			fx.Invoke(func(g groups) { *seen = g }),
		)...),
	}, seen
}

func TestModules(t *testing.T) {
	t.Parallel()

	t.Run("each module has a descriptor and a subscription to the change feed", func(t *testing.T) {
		t.Parallel()
		added, seen := collecting()
		newService(t, nil, added).start(t)
		var modules, subscribers []string
		for _, m := range seen.Modules {
			modules = append(modules, m.AggregateType)
		}
		for _, s := range seen.Subscribers {
			subscribers = append(subscribers, fmt.Sprintf("%T", s))
		}
		assert.ElementsMatch(t, []string{"configuration", "flag", "service", "added"}, modules)
		assert.ElementsMatch(t,
			[]string{"*configapp.Service", "*flagapp.Service", "*registryapp.Service"}, subscribers)
	})

	t.Run("conditions of every module are in /health", func(t *testing.T) {
		t.Parallel()
		added, seen := collecting()
		s := newService(t, nil, added)
		s.start(t)
		assert.GreaterOrEqual(t, len(seen.Conditions), 9)
		_, health := s.get(t, "/health", s.printedKey(t))
		var names []string
		for _, c := range health["conditions"].([]any) {
			names = append(names, c.(map[string]any)["name"].(string))
		}
		assert.Equal(t, []string{"added"}, names)
	})

	t.Run("a module that fails to start stops what had started", func(t *testing.T) {
		t.Parallel()
		var order []string
		hook := func(name string, err error) fx.Option {
			return fx.Invoke(func(lc fx.Lifecycle) {
				lc.Append(fx.StartStopHook(
					func() error { order = append(order, "start "+name); return err },
					func() { order = append(order, "stop "+name) },
				))
			})
		}
		added, _ := collecting(hook("one", nil), hook("two", errors.New("out of order")))
		s := newService(t, nil, added)
		ctx, cancel := context.WithTimeout(t.Context(), timeout)
		defer cancel()
		require.EqualError(t, s.Start(ctx), "start: out of order")
		assert.Equal(t, []string{"start one", "start two", "stop one"}, order)
		assert.False(t, slices.Contains(messages(s.logs), "ready"))
	})
}

func TestFailedStarts(t *testing.T) {
	t.Parallel()
	occupied, err := new(net.ListenConfig).Listen(t.Context(), "tcp", ":0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = occupied.Close() })
	_, port, err := net.SplitHostPort(occupied.Addr().String())
	require.NoError(t, err)
	missing := filepath.Join(t.TempDir(), "missing", "signalbox.db")

	for _, c := range []struct {
		name    string
		environ []string
		want    string
	}{
		{name: "an occupied port is named", environ: []string{"SERVICE_PORT=" + port}, want: "listen on port " + port},
		{name: "a missing folder is named", environ: []string{"DATABASE_URL=sqlite://" + missing}, want: missing},
		{
			name: "an empty database that is not migrated names the command", environ: []string{"MIGRATE_ON_START=false"},
			want: "signalbox migrate up",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newService(t, c.environ)
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			defer cancel()
			err := s.Start(ctx)
			require.Error(t, err)
			sentence := bootstrap.Sentence(err)
			assert.Contains(t, sentence, c.want)
			assert.NotContains(t, sentence, "fx", "the wiring is not an operator's concern")
			assert.LessOrEqual(t, strings.Count(sentence, "\n"), 1, sentence)
		})
	}
}

func TestErrorOfCommandAsSentence(t *testing.T) {
	t.Parallel()
	invalid := fault.New(fault.Invalid, "bad", "The request is invalid.").
		WithField("limit", "must be between 1 and 1000").
		WithCause(errors.New("cause"))
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{
			name: "a fault has its message, fields and cause",
			err:  fmt.Errorf("start: %w", invalid),
			want: "The request is invalid.\n  limit must be between 1 and 1000\n  cause",
		},
		{
			name: "an internal fault is shown as it is", err: fault.New(fault.Internal, "internal", "Internal error."),
			want: "internal: Internal error.",
		},
		{name: "another error is shown as it is", err: errors.New("listen: refused"), want: "listen: refused"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.want, bootstrap.Sentence(c.err))
		})
	}
}

func TestClockSkew(t *testing.T) {
	t.Parallel()
	assert.Empty(t, bootstrap.ClockSkew(5*time.Second))
	assert.Empty(t, bootstrap.ClockSkew(-5*time.Second))
	ahead, behind := bootstrap.ClockSkew(time.Minute), bootstrap.ClockSkew(-time.Minute)
	require.Len(t, ahead, 1)
	assert.Equal(t, "clock_skew", ahead[0].Name)
	assert.Contains(t, ahead[0].Message, "1m0s ahead of the database's")
	require.Len(t, behind, 1)
	assert.Contains(t, behind[0].Message, "1m0s behind the database's")
}

func TestOwnAddresses(t *testing.T) {
	t.Parallel()
	load := func(environ ...string) settings.Settings {
		s, _, err := settings.Load(environ, "", bootstrap.Descriptors().Topics())
		require.NoError(t, err)
		return s
	}
	assert.Empty(t, bootstrap.OwnAddresses(load("DATABASE_URL=sqlite://:memory:")))
	assert.Equal(t, []string{"db:5432"}, bootstrap.OwnAddresses(load("DATABASE_URL=postgres://u@db/s")))
	assert.Equal(t, []string{"[::1]:6432", "redis:6379", "kafka:9092"}, bootstrap.OwnAddresses(load(
		"DATABASE_URL=postgres://u@[::1]:6432/s", "REDIS_HOST=redis", "KAFKA_BOOTSTRAP_SERVERS=kafka:9092")))
}

func TestRunCommands(t *testing.T) {
	t.Parallel()
	run := func(ctx context.Context, environ []string, args ...string) (code int, out, notes string) {
		var stdout, stderr bytes.Buffer
		code = bootstrap.Run(ctx, bootstrap.Process{
			Version: "test", Args: args, Environ: environ, Out: &stdout, Err: &stderr,
		})
		return code, stdout.String(), stderr.String()
	}

	t.Run("a document is written", func(t *testing.T) {
		t.Parallel()
		code, out, _ := run(t.Context(), nil, "openapi")
		assert.Zero(t, code)
		assert.Contains(t, out, `"openapi": "3.1.0"`)
	})

	t.Run("invalid settings have the exit code of a wrong usage", func(t *testing.T) {
		t.Parallel()
		code, _, notes := run(t.Context(), []string{"LOG_LEVEL=loud"}, "serve")
		assert.Equal(t, 2, code)
		assert.Contains(t, notes, "LOG_LEVEL")
	})

	t.Run("an unknown setting is logged", func(t *testing.T) {
		t.Parallel()
		ctx, stop := context.WithCancel(t.Context())
		stop()
		_, _, notes := run(ctx, []string{"DATABASE_URL=sqlite://:memory:", "SERVICE_PORT=0", "REDIS_HOTS=x"}, "serve")
		assert.Contains(t, notes, "unknown setting REDIS_HOTS ignored; did you mean REDIS_HOST?")
	})

	t.Run("a start that is canceled is no failure", func(t *testing.T) {
		t.Parallel()
		ctx, stop := context.WithCancel(t.Context())
		stop()
		code, _, notes := run(ctx, []string{"DATABASE_URL=sqlite://:memory:", "SERVICE_PORT=0"}, "serve")
		assert.Zero(t, code, notes)
		assert.Contains(t, notes, "stopped before ready")
	})

	t.Run("a healthcheck without a service fails", func(t *testing.T) {
		t.Parallel()
		closed, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		_, port, err := net.SplitHostPort(closed.Addr().String())
		require.NoError(t, err)
		require.NoError(t, closed.Close())
		code, _, notes := run(t.Context(), []string{"SERVICE_PORT=" + port}, "healthcheck")
		assert.Equal(t, 1, code)
		assert.Contains(t, notes, "request http://127.0.0.1:"+port+"/livez")
	})
}
