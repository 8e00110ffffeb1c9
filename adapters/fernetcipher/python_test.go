package fernetcipher_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/fernetcipher"
	"github.com/signalbox-hq/signalbox/domain/secret"
	"github.com/signalbox-hq/signalbox/test/harness"
)

// python runs a line of Python that knows the key as k and the text as t.
func python(t *testing.T, line, key, text string) string {
	t.Helper()
	script := "import sys\nfrom cryptography.fernet import Fernet\nk, t = sys.stdin.buffer.read().split(b'\\n', 1)\n" + line
	command := exec.CommandContext(t.Context(), "python3", "-c", script)
	command.Stdin = strings.NewReader(key + "\n" + text)
	output, err := command.CombinedOutput()
	require.NoError(t, err, string(output))
	return string(output)
}

func TestPython(t *testing.T) {
	t.Parallel()
	if err := exec.CommandContext(t.Context(), "python3", "-c", "import cryptography").Run(); err != nil {
		harness.Skip(t, "no Python with cryptography: pip install cryptography")
	}
	key, err := fernetcipher.GenerateKey()
	require.NoError(t, err)
	c := cipher(t, key.Reveal(), true)
	const text = "a secret, ünïcödé 🚦\nover lines"

	t.Run("Python opens what Signalbox encrypted", func(t *testing.T) {
		t.Parallel()
		token, err := c.Encrypt(t.Context(), secret.New(text))
		require.NoError(t, err)
		assert.Equal(t, text, python(t, "sys.stdout.buffer.write(Fernet(k).decrypt(t))", key.Reveal(), token))
	})

	t.Run("Signalbox opens what Python encrypted", func(t *testing.T) {
		t.Parallel()
		token := python(t, "sys.stdout.buffer.write(Fernet(k).encrypt(t))", key.Reveal(), text)
		opened, err := c.Decrypt(t.Context(), token)
		require.NoError(t, err)
		assert.Equal(t, text, opened.Reveal())
	})

	t.Run("Signalbox takes a key that Python made", func(t *testing.T) {
		t.Parallel()
		made := python(t, "sys.stdout.buffer.write(Fernet.generate_key())", "", "")
		_, err := fernetcipher.New(secret.New(made), true)
		require.NoError(t, err)
	})
}
