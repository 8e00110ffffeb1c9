package access_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/fernetcipher"
	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
)

// TestReplaceEncryptionKey replaces a key in the steps of the documentation, and reads a
// value, and its history, after each.
func TestReplaceEncryptionKey(t *testing.T) {
	t.Parallel()
	for _, store := range e2etest.Stores() {
		t.Run(store.Name, func(t *testing.T) {
			t.Parallel()
			databaseURL := store.New(t)
			oldKey, newKey := encryptionKey(t), encryptionKey(t)
			const path = configPath + "sealed?service_name=shop&environment=" + own
			serve := func(setting string) (c e2etest.Client, stop func()) {
				t.Helper()
				s, stop := e2etest.Run(t, databaseURL, "ENABLE_ENCRYPTION=true", setting)
				return s.Admin(t), stop
			}
			reads := func(c e2etest.Client) {
				t.Helper()
				assert.Contains(t, string(c.Get(t, path).Want(t, http.StatusOK).Body), "second")
				assert.Contains(t, string(c.Get(t, path+"&version=1").Want(t, http.StatusOK).Body), "first")
			}

			c, stop := serve("ENCRYPTION_KEY=" + oldKey)
			made := e2etest.Decode[struct{ ID int64 }](t, c.Post(t, configPath, e2etest.Object{
				"key": "sealed", "value": "first", "environment": own, "service_name": "shop", "is_encrypted": true,
			}).Want(t, http.StatusCreated))
			c.Put(t, e2etest.Configuration{ID: made.ID}.Path(), e2etest.Object{"value": "second"}).Want(t, http.StatusOK)
			version := c.Get(t, path).Header.Get("ETag")
			stop()
			for _, setting := range []string{oldKey + "," + newKey, newKey + "," + oldKey} {
				c, stop = serve("ENCRYPTION_KEYS=" + setting)
				reads(c)
				if strings.HasPrefix(setting, oldKey) {
					stop()
				}
			}
			var rotated struct{ Examined, Rotated, Unreadable int }
			a := c.Post(t, "/api/v1/encryption/rotate", e2etest.Object{}).Want(t, http.StatusOK)
			rotated = e2etest.Decode[struct{ Examined, Rotated, Unreadable int }](t, a)
			assert.Equal(t, 4, rotated.Rotated, "the value, and those of two versions")
			reads(c)
			assert.Equal(t, version, c.Get(t, path).Header.Get("ETag"), "versions stay")
			status := e2etest.Decode[struct {
				Keys       []struct{ Values int }
				Unreadable int
			}](t, c.Get(t, "/api/v1/encryption/status").Want(t, http.StatusOK))
			require.Len(t, status.Keys, 1)
			assert.Equal(t, []int{4, 0}, []int{status.Keys[0].Values, status.Unreadable})
			stop()

			c, stop = serve("ENCRYPTION_KEYS=" + newKey)
			reads(c)
			stop()
		})
	}
}

func encryptionKey(t *testing.T) string {
	t.Helper()
	key, err := fernetcipher.GenerateKey()
	require.NoError(t, err)
	return key.Reveal()
}
