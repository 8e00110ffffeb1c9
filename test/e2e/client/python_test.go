package client_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
	"github.com/signalbox-hq/signalbox/test/harness"
)

// python runs a script of testdata and returns its output. Without Python or the module
// that the script needs, the test is skipped.
func python(t *testing.T, module, script, input string, environ ...string) string {
	t.Helper()
	if err := exec.CommandContext(t.Context(), "python3", "-c", "import "+module).Run(); err != nil {
		harness.Skip(t, "no Python with "+module+": apt-get install python3-"+module)
	}
	run := exec.CommandContext(t.Context(), "python3", "testdata/"+script)
	run.Stdin, run.Env = strings.NewReader(input), append(os.Environ(), environ...)
	var notes strings.Builder
	run.Stderr = &notes
	out, err := run.Output()
	require.NoError(t, err, "%s", notes.String())
	return string(out)
}

func TestPythonExample(t *testing.T) {
	t.Parallel()
	for _, store := range e2etest.Stores() {
		t.Run(store.Name, func(t *testing.T) {
			t.Parallel()
			databaseURL := store.New(t)
			s := e2etest.Boot(t, databaseURL, "ALLOW_ANONYMOUS_ACCESS=true")
			out := python(t, "requests", "original_example.py", "", "SIGNALBOX_URL="+s.URL, "SIGNALBOX_KEY="+e2etest.AdminKey(t))
			answers := strings.Split(strings.TrimSpace(out), "\n")
			require.Len(t, answers, 2)
			for _, a := range answers {
				for _, part := range []string{
					"'key': 'database.url'", "'value': 'postgresql://localhost:5432/mydb'", "'environment': 'production'",
					"'service_name': 'user-service'", "'description': 'Database connection URL'", "'is_encrypted': False",
					"'version': 1",
				} {
					require.Contains(t, a, part)
				}
			}
			require.Equal(t, answers[0], answers[1])
			t.Log(out)
		})
	}
}

func TestPythonCryptography(t *testing.T) {
	t.Parallel()
	for _, store := range e2etest.Stores() {
		t.Run(store.Name, func(t *testing.T) {
			t.Parallel()
			databaseURL := store.New(t)
			environ := e2etest.Encryption(t)
			key := strings.TrimPrefix(environ[1], "ENCRYPTION_KEY=")
			s, stop := e2etest.Run(t, databaseURL, environ...)
			c := s.Admin(t)
			value := "opened by Python: é \U0001F642\nsecond line"
			made := c.CreateDraft(t, e2etest.Draft{
				Key: "shared", Value: value, Environment: "production", ServiceName: "shop", IsEncrypted: true,
			})

			t.Run("Python decrypts a stored token", func(t *testing.T) {
				require.Equal(t, value, python(t, "cryptography", "open_token.py", key+"\n"+s.StoredValue(t, made)))
			})

			t.Run("a token from Python is decrypted", func(t *testing.T) {
				token := python(t, "cryptography", "make_token.py", key+"\nmade by Python: é")
				_, err := e2etest.OpenDatabase(t, databaseURL).ExecContext(t.Context(),
					"UPDATE configurations SET value = '"+token+"', token_key = NULL, token_mac = NULL") // as before there were MACs
				require.NoError(t, err)
				stop()
				require.Equal(t, "made by Python: é", e2etest.Boot(t, databaseURL, environ...).Admin(t).Read(t, "shared").ShownValue())
			})
		})
	}
}
