package settings_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/bootstrap/settings"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

func none(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), ".env")
}

// topics returns the settings of the modules' topics.
func topics() []ports.TopicSetting { return fixture.Modules().Topics() }

func TestLoad(t *testing.T) {
	t.Parallel()

	t.Run("the defaults are SQLite in the working folder with API keys required", func(t *testing.T) {
		t.Parallel()
		s, warnings, err := settings.Load(nil, none(t), topics())
		require.NoError(t, err)
		assert.Empty(t, warnings)
		assert.Equal(t, "signalbox.db", s.Database.SQLite)
		assert.Equal(t, settings.Port(8082), s.Port)
		assert.Equal(t, settings.Name("config-service"), s.ServiceName)
		assert.Equal(t, "development, staging, production", s.Policy().String())
		assert.Equal(t, 20*time.Second, s.ShutdownTimeout())
		assert.True(t, s.AuthEnabled)
		assert.True(t, s.MigrateOnStart)
		assert.False(t, s.AnonymousReads())
		assert.False(t, s.EnableEncryption)
		assert.Equal(t, settings.Topics{
			"KAFKA_TOPIC_CONFIG_UPDATES": "config-updates", "KAFKA_TOPIC_FEATURE_FLAG_UPDATES": "feature-flag-updates",
			"KAFKA_TOPIC_SERVICE_REGISTRY_UPDATES": "service-registry-updates",
		}, s.KafkaTopics)
	})

	t.Run("an empty variable counts as unset", func(t *testing.T) {
		t.Parallel()
		s, warnings, err := settings.Load([]string{
			"SERVICE_PORT=", "DATABASE_URL=", "REDIS_HOST=", "ENCRYPTION_KEY=", "BOOTSTRAP_ADMIN_KEY=", "API_KEY_PEPPER=",
		}, none(t), topics())
		require.NoError(t, err)
		assert.Empty(t, warnings)
		assert.Equal(t, settings.Port(8082), s.Port)
		assert.Equal(t, "signalbox.db", s.Database.SQLite)
	})

	t.Run("the environment overrides the .env file", func(t *testing.T) {
		t.Parallel()
		dotenv := none(t)
		require.NoError(t, os.WriteFile(dotenv, []byte("SERVICE_NAME=from-file\nSERVICE_PORT=1\n"), 0o600))
		s, _, err := settings.Load([]string{"SERVICE_PORT=2"}, dotenv, topics())
		require.NoError(t, err)
		assert.Equal(t, settings.Name("from-file"), s.ServiceName)
		assert.Equal(t, settings.Port(2), s.Port)
	})

	t.Run("an unreadable .env file is an error", func(t *testing.T) {
		t.Parallel()
		_, _, err := settings.Load(nil, t.TempDir(), topics())
		require.Error(t, err)
	})

	t.Run("reads need no key when keys are not required or anonymous access is allowed", func(t *testing.T) {
		t.Parallel()
		for _, set := range []string{"REQUIRE_API_KEY=false", "ALLOW_ANONYMOUS_ACCESS=True"} {
			s, _, err := settings.Load([]string{set}, none(t), topics())
			require.NoError(t, err)
			assert.True(t, s.AnonymousReads(), set)
		}
	})
}

func TestWrongSettings(t *testing.T) {
	t.Parallel()

	t.Run("all invalid settings are named at once, with their allowed values", func(t *testing.T) {
		t.Parallel()
		_, _, err := settings.Load([]string{
			"SERVICE_PORT=99999", "LOG_LEVEL=loud", "AUTH_ENABLED=perhaps", "SUPPORTED_ENVIRONMENTS=Prod",
			"SHUTDOWN_TIMEOUT=-1", "CONFIG_CACHE_TTL=soon", "KAFKA_TOPIC_CONFIG_UPDATES=a b", "KAFKA_COMPRESSION=brotli",
		}, none(t), topics())
		var invalid *settings.InvalidError
		require.ErrorAs(t, err, &invalid)
		assert.Equal(t, []string{
			`AUTH_ENABLED: use true or false`,
			`CONFIG_CACHE_TTL: use seconds, or a duration such as 5m; 0`,
			`KAFKA_COMPRESSION: use none, gzip, snappy, lz4 or zstd`,
			`KAFKA_TOPIC_CONFIG_UPDATES: use 1 to 249 of a-z A-Z 0-9 . _ -`,
			`LOG_LEVEL: use DEBUG, INFO, WARNING or ERROR`,
			`SERVICE_PORT=99999: use 0 to 65535`,
			`SHUTDOWN_TIMEOUT=-1: use seconds, or a duration such as 20s`,
			`SUPPORTED_ENVIRONMENTS: use names of a-z 0-9 . _ - separated by commas`,
		}, invalid.Problems)
	})

	t.Run("only wrong keys and concurrent requests are limited by default", func(t *testing.T) {
		t.Parallel()
		s, _, err := settings.Load(nil, none(t), topics())
		require.NoError(t, err)
		assert.Equal(t, []settings.Requests{0, 0, 0, 0, 60},
			[]settings.Requests{s.KeyRate, s.KeyBurst, s.AddressRate, s.AddressBurst, s.FailedAuthRate})
		assert.Equal(t, settings.Count(1024), s.MaxConcurrent)
		for _, wrong := range []string{"-1", "1000001", "10/s", "0.5"} {
			_, _, err := settings.Load([]string{"RATE_LIMIT_KEY_PER_SECOND=" + wrong}, none(t), topics())
			require.ErrorContains(t, err, "RATE_LIMIT_KEY_PER_SECOND")
		}
		_, _, err = settings.Load([]string{"MAX_CONCURRENT_REQUESTS=0"}, none(t), topics())
		require.ErrorContains(t, err, "MAX_CONCURRENT_REQUESTS")
	})

	t.Run("secrets and passwords are redacted", func(t *testing.T) {
		t.Parallel()
		_, _, err := settings.Load([]string{
			"ENCRYPTION_KEY=canary1", "API_KEY_PEPPER=canary2", "BOOTSTRAP_ADMIN_KEY=canary3",
			"DATABASE_URL=mysql://user:canary4@db/x",
		}, none(t), topics())
		require.Error(t, err)
		assert.NotContains(t, err.Error(), "canary")
		for _, name := range []string{"ENCRYPTION_KEY", "API_KEY_PEPPER", "BOOTSTRAP_ADMIN_KEY", "DATABASE_URL"} {
			assert.Contains(t, err.Error(), name+": ")
		}
	})
}

func TestDatabaseURL(t *testing.T) {
	t.Parallel()
	rows := []struct {
		url, sqlite, postgres string
		ok                    bool
	}{
		{url: "sqlite://signalbox.db", sqlite: "signalbox.db", ok: true},
		{url: "sqlite:///data/signalbox.db", sqlite: "/data/signalbox.db", ok: true},
		{url: "sqlite://:memory:", sqlite: ":memory:", ok: true},
		{url: "postgres://u:p@db:5432/c?sslmode=disable", postgres: "postgres://u:p@db:5432/c?sslmode=disable", ok: true},
		{url: "postgresql://u@db/c", postgres: "postgres://u@db/c", ok: true},
		{url: "postgresql+asyncpg://u:p@db/c", postgres: "postgres://u:p@db/c", ok: true},
		{url: "sqlite:////data/signalbox.db", sqlite: "/data/signalbox.db", ok: true},
		{url: "sqlite+aiosqlite:///signalbox.db", sqlite: "signalbox.db", ok: true},
		{url: "sqlite+aiosqlite:////data/signalbox.db", sqlite: "/data/signalbox.db", ok: true},
		{url: "postgresql+psycopg2://u:p@db/c", postgres: "postgres://u:p@db/c", ok: true},
		{url: "postgres://u:p%23%25%2F@db/c", postgres: "postgres://u:p%23%25%2F@db/c", ok: true},
		{url: "postgres://u:p@db/c?ssl=require", postgres: "postgres://u:p@db/c?sslmode=require", ok: true},
		{url: "postgres://u:p@db/c?ssl=true", postgres: "postgres://u:p@db/c?sslmode=verify-full", ok: true},
		{url: "postgres://u:p@db/c?sslrootcert=system", postgres: "postgres://u:p@db/c?sslmode=verify-full", ok: true},
		{url: "postgres://u:p@db/c?schema=config", postgres: "postgres://u:p@db/c?search_path=config", ok: true},
		{url: "postgres://u:p@db/c?options=-c%20search_path%3Dconfig%20--lock-timeout%3D5s", postgres: "postgres://u:p@db/c?lock_timeout=5s&search_path=config", ok: true},
		{url: "postgres://db/c?user=u&password=p", postgres: "postgres://u:p@db/c", ok: true},
		{url: "postgres:///c?host=/run/postgresql", postgres: "postgres:///c?host=%2Frun%2Fpostgresql%2F.s.PGSQL.5432", ok: true},
		{url: "postgres://u@%2Frun%2Fpostgresql/c", postgres: "postgres://u@/c?host=%2Frun%2Fpostgresql%2F.s.PGSQL.5432", ok: true},
		{url: "postgres://u:p@/c?host=db&port=5433", postgres: "postgres://u:p@db:5433/c", ok: true},
		{url: "postgres://u:p@db/c?target_session_attrs=read-write&channel_binding=prefer&gssencmode=disable", postgres: "postgres://u:p@db/c", ok: true},
		{url: "postgres://u:p@db/c?pool_max_conns=7", postgres: "postgres://u:p@db/c?pool_max_conns=7", ok: true},
		{url: "postgres://u:p@db/c?channel_binding=require"},
		{url: "postgres://u:p@db/c?gssencmode=require"},
		{url: "postgres://u:p@db/c?sslmode=yes"},
		{url: "postgres://u:p@db/c?ssl=disable&sslmode=require"},
		{url: "postgres://u:p@db/c?sslcert=a.pem&sslmode=require"},
		{url: "postgres://u:p@db/c?sslrootcert=a.pem"},
		{url: "postgres://u:p@db/c?sslrootcert=a.pem&sslmode=prefer"},
		{url: "postgres://u:p@db/c?require_auth=scram-sha-256"},
		{url: "postgres://u:p@db/c?ssl_min_protocol_version=TLSv1.3"},
		{url: "postgres://u:p@db/c?target_session_attrs=read-only"},
		{url: "postgres://u:p@a,b/c"},
		{url: "postgres://u:p#q@db/c"},
		{url: "postgres://u:1#q@db/c"},
		{url: "postgres://u:p%q@db/c"},
		{url: "postgres://u:1/q@db/c"},
		{url: "host=db password=p"},
		{url: "jdbc:postgresql://db/c"},
		{url: "sqlite://signalbox.db?mode=ro"},
		{url: "sqlite://"},
		{url: "postgres://"},
		{url: "signalbox.db"},
		{url: "mysql://db/c"},
	}
	for _, row := range rows {
		t.Run(row.url, func(t *testing.T) {
			t.Parallel()
			var d settings.Database
			err := d.UnmarshalText([]byte(row.url))
			assert.Equal(t, row.ok, err == nil)
			assert.Equal(t, row.sqlite, d.SQLite)
			assert.Equal(t, row.postgres, d.Postgres.Reveal())
		})
	}
}

func TestDatabaseURLMessages(t *testing.T) {
	t.Parallel()
	rows := map[string]string{
		"postgres://u:p#q@db/c":                       "percent-encode special characters",
		"postgres://u:p%q@db/c":                       "% as %25",
		"postgres://u@/run/postgresql/c":              "name the host",
		"postgres://u:p@a:1,b:2/c":                    "name one host",
		"host=db password=p":                          "use a URL: sqlite://FILE or postgres://",
		"postgres://u:p@db/c?ssl_mode=require":        "did you mean sslmode?",
		"postgres://u:p@db/c?work_mem=1":              "a parameter is unknown; parameters of the server are given as options",
		"postgres://u:p@db/c?channel_binding=require": "of parameter channel_binding, the supported values are disable, prefer",
		"postgres://u:p@db/c?sslcrl=a":                "parameter sslcrl is not supported",
	}
	for url, part := range rows {
		t.Run(part, func(t *testing.T) {
			t.Parallel()
			_, _, err := settings.Load([]string{"DATABASE_URL=" + url}, none(t), topics())
			require.ErrorContains(t, err, "DATABASE_URL: ")
			assert.ErrorContains(t, err, part)
		})
	}

	t.Run("ignored parameters are warnings", func(t *testing.T) {
		t.Parallel()
		_, warnings, err := settings.Load([]string{
			"DATABASE_URL=postgres://u:p@db/c?pgbouncer=true&prepared_statement_cache_size=0",
		}, none(t), topics())
		require.NoError(t, err)
		assert.Equal(t, []string{
			"parameter pgbouncer of DATABASE_URL is ignored", "parameter prepared_statement_cache_size of DATABASE_URL is ignored",
		}, warnings)
	})
}

func TestHosts(t *testing.T) {
	t.Parallel()
	for host, ok := range map[string]bool{
		"redis": true, "redis.internal.example.": true, "10.0.0.1": true, "::1": true, "redis_1": true,
		"redis:6379": false, "redis://redis": false, "a b": false, "-a": false, "a..b": false, "redis/0": false,
	} {
		_, _, err := settings.Load([]string{"REDIS_HOST=" + host}, none(t), topics())
		assert.Equal(t, ok, err == nil, host)
	}
}

func TestCacheLifetimes(t *testing.T) {
	t.Parallel()
	s, _, err := settings.Load([]string{"CONFIG_CACHE_TTL=0", "FEATURE_FLAG_CACHE_TTL=5m"}, none(t), topics())
	require.NoError(t, err)
	assert.Zero(t, s.ConfigCacheTTL)
	assert.Equal(t, settings.Lifetime(5*time.Minute), s.FlagCacheTTL)
	_, _, err = settings.Load([]string{"CONFIG_CACHE_TTL=-1"}, none(t), topics())
	require.Error(t, err)
}

func TestEncryptionKey(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name, key string
		ok        bool
	}{
		{name: "URL alphabet with padding, as Fernet prints it", key: "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=", ok: true},
		{name: "standard alphabet", key: "cw/0x689RpI+jtRR7oE8h/eQsKImvJapLeSbXpwF4e4=", ok: true},
		{name: "31 bytes", key: "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="},
		{name: "not base64", key: "not a key"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			var k settings.EncryptionKey
			assert.Equal(t, row.ok, k.UnmarshalText([]byte(row.key)) == nil)
		})
	}
}

func TestNetworks(t *testing.T) {
	t.Parallel()
	load := func(set string) (settings.Settings, error) {
		s, _, err := settings.Load([]string{set}, none(t), topics())
		return s, err
	}
	s, err := load("TRUSTED_PROXIES=10.0.0.1, 192.168.0.7/16,fd00::1,::ffff:10.0.0.2")
	require.NoError(t, err)
	assert.Equal(t, settings.Proxies{
		netip.MustParsePrefix("10.0.0.1/32"), netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("fd00::1/128"),
		netip.MustParsePrefix("10.0.0.2/32"),
	}, s.TrustedProxies)
	for _, wrong := range []string{
		"TRUSTED_PROXIES=proxy.internal", "TRUSTED_PROXIES=10.0.0.1,", "TRUSTED_PROXIES=10.0.0.0/33",
		"TRUSTED_PROXIES=fe80::1%eth0", "TRUSTED_PROXIES=::ffff:10.0.0.0/104", "TRUSTED_PROXIES=10.1",
		"PROBE_ALLOW_CIDRS=10.0.0.1", "PROBE_ALLOW_CIDRS=::ffff:10.0.0.0/104", "PROBES_ENABLED=maybe",
	} {
		_, err := load(wrong)
		require.Error(t, err, wrong)
	}
	s, err = load("PROBES_ENABLED=false")
	require.NoError(t, err)
	assert.False(t, s.ProbesEnabled)
}

func TestWarnings(t *testing.T) {
	t.Parallel()

	t.Run("an unknown setting is a warning that names the nearest known one", func(t *testing.T) {
		t.Parallel()
		_, warnings, err := settings.Load([]string{"KAFKA_TOPIC_CONFIG_UPDATE=x", "PATH=/bin"}, none(t), topics())
		require.NoError(t, err)
		assert.Equal(t, []string{"unknown setting KAFKA_TOPIC_CONFIG_UPDATE ignored; did you mean KAFKA_TOPIC_CONFIG_UPDATES?"}, warnings)
	})
}

func TestDocumentation(t *testing.T) {
	t.Parallel()

	t.Run("every setting has documentation and allowed values", func(t *testing.T) {
		t.Parallel()
		for _, f := range settings.Fields(topics()) {
			assert.NotEmpty(t, f.Doc, f.Name)
			assert.NotEmpty(t, f.Allowed, f.Name)
			assert.Contains(t, settings.Markdown(topics()), "`"+f.Name+"`")
			assert.Contains(t, settings.EnvTemplate(topics()), "# "+f.Name+"="+f.Default)
		}
	})

	t.Run("every default is accepted", func(t *testing.T) {
		t.Parallel()
		var environ []string
		for _, f := range settings.Fields(topics()) {
			if f.Default != "" {
				environ = append(environ, f.Name+"="+f.Default)
			}
		}
		_, _, err := settings.Load(environ, none(t), topics())
		require.NoError(t, err)
	})
}
