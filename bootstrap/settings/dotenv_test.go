package settings_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/bootstrap/settings"
)

// file returns the path of a .env file.
func file(t *testing.T, text string) string {
	t.Helper()
	path := none(t)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestDotenvValues(t *testing.T) {
	t.Parallel()
	rows := map[string]struct{ line, value string }{
		"plain":                          {`SERVICE_NAME=shop`, `shop`},
		"spaces around":                  {"  SERVICE_NAME = shop \t", `shop`},
		"exported":                       {`export SERVICE_NAME=shop`, `shop`},
		"a dollar sign is literal":       {`SERVICE_NAME=a$HOME-${X}b`, `a$HOME-${X}b`},
		"literal in double quotes too":   {`SERVICE_NAME="a$HOME-${X}b"`, `a$HOME-${X}b`},
		"a hash inside":                  {`SERVICE_NAME=a#b`, `a#b`},
		"a comment":                      {`SERVICE_NAME=a # b`, `a`},
		"a hash in quotes":               {`SERVICE_NAME="a # b" # comment`, `a # b`},
		"single quotes":                  {`SERVICE_NAME='a "b" \n'`, `a "b" \n`},
		"escapes":                        {`SERVICE_NAME="a\\b\"c"`, `a\b"c`},
		"an equals sign":                 {`SERVICE_NAME=a=b==`, `a=b==`},
		"a byte order mark":              {"\uFEFFSERVICE_NAME=shop", `shop`},
		"carriage returns":               {"# settings\r\nSERVICE_NAME=shop\r\n", `shop`},
		"the last of a name given twice": {"SERVICE_NAME=a\nSERVICE_NAME=b", `b`},
		"a quote inside":                 {`SERVICE_NAME=it's`, `it's`},
		"a backslash":                    {`SERVICE_NAME=a\nb`, `a\nb`},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, warnings, err := settings.Load(nil, file(t, row.line), topics())
			require.NoError(t, err)
			assert.Empty(t, warnings)
			assert.Equal(t, row.value, string(s.ServiceName))
		})
	}

	t.Run("a quoted value has line breaks, and later lines keep their numbers", func(t *testing.T) {
		t.Parallel()
		s, _, err := settings.Load(nil, file(t, "REDIS_PASSWORD='a\nb'\nSERVICE_PORT=1\n"), topics())
		require.NoError(t, err)
		assert.Equal(t, "a\nb", s.RedisPassword.Reveal())
		_, _, err = settings.Load(nil, file(t, "REDIS_PASSWORD='a\nb'\nhunter2\n"), topics())
		require.ErrorContains(t, err, " line 3: must be NAME=value")
	})
}

func TestDotenvFaults(t *testing.T) {
	t.Parallel()

	t.Run("all wrong lines and settings are named at once, without their content", func(t *testing.T) {
		t.Parallel()
		path := file(t, strings.Join([]string{
			"SERVICE_PORT=1", "hunter2-canary", "API_KEY_PEPPER=\"canary", "LOG_LEVEL=loud", "REDIS_PASSWORD='x' canary",
			"1A=canary", "DATABSE_URL=postgres://u:canary@db/x", "AUTH_ENABLE=canary", "LOG_LEVL=canary",
		}, "\n"))
		_, _, err := settings.Load([]string{"SHUTDOWN_TIMEOUT=0"}, path, topics())
		var invalid *settings.InvalidError
		require.ErrorAs(t, err, &invalid)
		assert.NotContains(t, err.Error(), "canary")
		assert.Equal(t, []string{
			path + " line 2: must be NAME=value, a comment or empty",
			path + " line 3: the quote that begins the value is not closed",
			path + " line 5: only a comment may follow the closing quote",
			path + " line 6: must be NAME=value, a comment or empty",
			path + " line 8: unknown setting AUTH_ENABLE; did you mean AUTH_ENABLED?",
			path + " line 7: unknown setting DATABSE_URL; did you mean DATABASE_URL?",
			path + " line 9: unknown setting LOG_LEVL; did you mean LOG_LEVEL?",
			`LOG_LEVEL: use DEBUG, INFO, WARNING or ERROR`,
			`SHUTDOWN_TIMEOUT=0: use seconds, or a duration such as 20s`,
		}, invalid.Problems)
	})

	t.Run("other names of the file are one warning, in which no secret can be", func(t *testing.T) {
		t.Parallel()
		path := file(t, "SERVICE_HOST=0.0.0.0\nFEATURE_X=1\ngAAAAABcanary=\n")
		_, warnings, err := settings.Load(nil, path, topics())
		require.NoError(t, err)
		assert.Equal(t, []string{
			path + " has names that are no settings, and are ignored: FEATURE_X, SERVICE_HOST, the one in line 3",
		}, warnings)
	})

	t.Run("a typing error in the environment is a warning", func(t *testing.T) {
		t.Parallel()
		_, warnings, err := settings.Load([]string{
			"_=x", "DATABSE_URL=x", "KAFKA_BROKERS=x", "PATH=/bin", "HOME=/root", "SERVICE_HOST=x", "PORT=1", "LOGNAME=x",
		}, none(t), topics())
		require.NoError(t, err)
		assert.Equal(t, []string{
			"unknown setting DATABSE_URL ignored; did you mean DATABASE_URL?",
			"unknown setting KAFKA_BROKERS ignored; did you mean KAFKA_COMPRESSION?",
		}, warnings)
	})

	t.Run("a huge file is refused", func(t *testing.T) {
		t.Parallel()
		_, _, err := settings.Load(nil, file(t, strings.Repeat("#", 2<<20)), topics())
		require.ErrorContains(t, err, "larger than 1 MiB")
	})
}

// TestNoValueInErrors sets every setting to malformed forms of a secret.
func TestNoValueInErrors(t *testing.T) {
	t.Parallel()
	const canary = "hunter2canary"
	forms := []string{
		canary, "postgres://u:" + canary, "postgres://u:" + canary + "@", "postgres://u:" + canary + "#x@db/c",
		"postgres://u:12#" + canary + "@db/c", "postgres://u:%zz" + canary + "@db/c", "postgres://u:a/" + canary + "@db/c",
		"postgres://u:12?" + canary + "@db/c", "postgres://u:1@db/c?sslmode=" + canary, "postgres://u:1@db/c?" + canary + "=1",
		"postgres://u:1@db/c?connect_timeout=" + canary, "postgres://u:1@db/c?options=" + canary,
		"postgres://u:1@db/c?pool_max_conns=" + canary, "postgres://u:1@a,b/" + canary, "postgres://u:1@db:" + canary + "/c",
		"postgres://u:1@db/c?user=x&password=" + canary, "postgres://u:1@db/c?channel_binding=" + canary,
		"host=db user=u password=" + canary, "jdbc:postgresql://db/c?user=u&password=" + canary, "mysql://u:" + canary + "@db/c",
		"sqlite://x.db?key=" + canary, "sqlite://", "redis://:" + canary + "@redis:6379", "https://u:" + canary + "@redis",
		canary + ":9092", "kafka://u:" + canary + "@k:9092", canary + "\x00", strings.Repeat(canary, 100),
		"postgres://u:1@db/c?sslcert=" + canary, "postgres://u:1@db/c?a=1&a=" + canary,
	}
	for _, f := range settings.Fields(topics()) {
		for _, form := range forms {
			_, warnings, err := settings.Load([]string{f.Name + "=" + form}, none(t), topics())
			assert.NotContains(t, strings.Join(warnings, "\n"), canary, f.Name)
			if err != nil {
				assert.NotContains(t, err.Error(), canary, "%s=%s", f.Name, form)
			}
		}
	}
}
