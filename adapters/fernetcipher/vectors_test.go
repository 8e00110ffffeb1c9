package fernetcipher_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/secret"
	"github.com/signalbox-hq/signalbox/ports"
)

// vector is one of the Fernet specification's (github.com/fernet/spec:
// generate.json, verify.json, invalid.json).
type vector struct {
	Desc   string    `json:"desc"`
	Token  string    `json:"token"`
	Now    time.Time `json:"now"`
	IV     []int     `json:"iv"`
	TTLSec int       `json:"ttl_sec"`
	Src    string    `json:"src"`
	Secret string    `json:"secret"`
}

func vectors(tb testing.TB, files ...string) []vector {
	tb.Helper()
	var all []vector
	for _, file := range files {
		text, err := os.ReadFile(filepath.Join("testdata", file))
		require.NoError(tb, err)
		var list []vector
		require.NoError(tb, json.Unmarshal(text, &list))
		require.NotEmpty(tb, list)
		all = append(all, list...)
	}
	return all
}

// TestGenerateVector replaces the source of randomness, so it runs alone.
func TestGenerateVector(t *testing.T) {
	v := vectors(t, "generate.json")[0]
	iv := make([]byte, len(v.IV))
	for i, b := range v.IV {
		iv[i] = byte(b)
	}
	before := rand.Reader
	t.Cleanup(func() { rand.Reader = before })
	rand.Reader = bytes.NewReader(iv)
	token, err := cipher(t, v.Secret, true).EncryptAtForTest(secret.New(v.Src), v.Now)
	require.NoError(t, err)
	assert.Equal(t, v.Token, token)
}

func TestVerifyVectors(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t, "verify.json", "generate.json") {
		text, err := cipher(t, v.Secret, true).Decrypt(t.Context(), v.Token)
		require.NoError(t, err)
		assert.Equal(t, v.Src, text.Reveal())
	}
}

func TestInvalidVectors(t *testing.T) {
	t.Parallel()
	// Values at rest do not expire: what only a clock makes invalid opens.
	byTheClock := map[string]bool{"far-future TS (unacceptable clock skew)": true, "expired TTL": true}
	for _, v := range vectors(t, "invalid.json") {
		t.Run(v.Desc, func(t *testing.T) {
			t.Parallel()
			_, err := cipher(t, v.Secret, true).Decrypt(t.Context(), v.Token)
			if byTheClock[v.Desc] {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, ports.ErrDecryptionFailed)
		})
	}
}
