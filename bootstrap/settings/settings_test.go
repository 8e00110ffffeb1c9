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
		assert.Equal(t, "config-service", s.ServiceName)
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
		assert.Equal(t, "from-file", s.ServiceName)
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
			`AUTH_ENABLED="perhaps": use true or false`,
			`CONFIG_CACHE_TTL="soon": use seconds, or a duration such as 5m`,
			`KAFKA_COMPRESSION="brotli": use none, gzip, snappy, lz4 or zstd`,
			`KAFKA_TOPIC_CONFIG_UPDATES="a b": use 1 to 249 of a-z A-Z 0-9 . _ -`,
			`LOG_LEVEL="loud": use DEBUG, INFO, WARNING or ERROR`,
			`SERVICE_PORT="99999": use 0 to 65535`,
			`SHUTDOWN_TIMEOUT="-1": use seconds, or a duration such as 20s`,
			`SUPPORTED_ENVIRONMENTS="Prod": use names of a-z 0-9 . _ - separated by commas`,
		}, invalid.Problems)
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
			assert.Contains(t, err.Error(), name+"=[REDACTED]")
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
