package settings_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/bootstrap/settings"
)

const fernetKey = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

// secretFile writes a file and returns its path.
func secretFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func TestSecretsFromFiles(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"", "\n", "\r\n"} {
		s, warnings, err := settings.Load([]string{
			"ENCRYPTION_KEY_FILE=" + secretFile(t, fernetKey+end), "REDIS_PASSWORD_FILE=" + secretFile(t, " p w "+end),
			"DATABASE_URL_FILE=" + secretFile(t, "postgres://u:p@h:5432/d"+end),
			"API_KEY_PEPPER_FILE=" + secretFile(t, strings.Repeat("p", 32)+end),
		}, "", nil)
		require.NoError(t, err)
		assert.Empty(t, warnings)
		assert.Equal(t, " p w ", s.RedisPassword.Reveal(), "only the newline at the end is removed")
		assert.Contains(t, s.Database.Postgres.Reveal(), "u:p@h:5432")
	}
}

func TestSecretFilesThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	const canary = "canary-of-a-secret"
	for name, c := range map[string]struct {
		environ []string
		want    string
	}{
		"a missing file":    {[]string{"ENCRYPTION_KEY_FILE=/" + canary}, "ENCRYPTION_KEY_FILE: the file cannot be read: no such file or directory"},
		"a folder":          {[]string{"ENCRYPTION_KEY_FILE=/"}, "ENCRYPTION_KEY_FILE: the file cannot be read: is a directory"},
		"an empty file":     {[]string{"REDIS_PASSWORD_FILE=" + secretFile(t, "\n")}, "REDIS_PASSWORD_FILE: the file is empty"},
		"a long file":       {[]string{"REDIS_PASSWORD_FILE=" + secretFile(t, strings.Repeat("x", 64<<10+1))}, "REDIS_PASSWORD_FILE: the file is longer"},
		"both forms":        {[]string{"REDIS_PASSWORD=" + canary, "REDIS_PASSWORD_FILE=" + secretFile(t, canary)}, "REDIS_PASSWORD and REDIS_PASSWORD_FILE: set one of them"},
		"an invalid secret": {[]string{"ENCRYPTION_KEY_FILE=" + secretFile(t, canary)}, "ENCRYPTION_KEY_FILE: use base64 of 32 bytes"},
	} {
		_, _, err := settings.Load(c.environ, "", nil)
		require.ErrorContains(t, err, c.want, name)
		assert.NotContains(t, err.Error(), canary, name)
	}
}

func TestFormsOfASecretInTwoPlaces(t *testing.T) {
	t.Parallel()
	inFile := func(line string) string {
		path := filepath.Join(t.TempDir(), ".env")
		require.NoError(t, os.WriteFile(path, []byte(line+"\n"), 0o600))
		return path
	}
	s, _, err := settings.Load([]string{"REDIS_PASSWORD=outside"}, inFile("REDIS_PASSWORD_FILE="+secretFile(t, "inside")), nil)
	require.NoError(t, err)
	assert.Equal(t, "outside", s.RedisPassword.Reveal())
	s, _, err = settings.Load([]string{"REDIS_PASSWORD_FILE=" + secretFile(t, "outside")}, inFile("REDIS_PASSWORD=inside"), nil)
	require.NoError(t, err)
	assert.Equal(t, "outside", s.RedisPassword.Reveal())
	_, _, err = settings.Load(nil, inFile("REDIS_PASSWORD_FIEL=x"), nil)
	require.ErrorContains(t, err, "did you mean REDIS_PASSWORD_FILE?")
}
