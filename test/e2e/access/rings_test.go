package access_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
)

// ringStatus is the status of the encryption keys.
type ringStatus struct {
	Current, First string
	Lacking        []struct{ ID string }
}

func ringOf(t *testing.T, c e2etest.Client) ringStatus {
	t.Helper()
	return e2etest.Decode[ringStatus](t, c.Get(t, "/api/v1/encryption/status").Want(t, http.StatusOK))
}

// TestAKeyIsCurrentWhenAllReplicasHaveIt gives a new first key to one replica, and then to the
// other, while each reads what the other writes.
func TestAKeyIsCurrentWhenAllReplicasHaveIt(t *testing.T) {
	t.Parallel()
	databaseURL := e2etest.NewPostgres(t)
	oldKey, newKey := encryptionKey(t), encryptionKey(t)
	serve := func(keys string) (*e2etest.Server, func()) {
		t.Helper()
		return e2etest.Run(t, databaseURL, "ENABLE_ENCRYPTION=true", "ENCRYPTION_KEYS="+keys)
	}
	older, stopOlder := serve(oldKey)
	newer, stopNewer := serve(newKey + "," + oldKey)
	defer stopNewer()
	admin := newer.Admin(t)
	status := ringOf(t, admin)
	assert.NotEqual(t, status.First, status.Current)
	require.Len(t, status.Lacking, 1, "the replica that does not have it")
	made := admin.CreateDraft(t, e2etest.Draft{
		Key: "sealed", Value: "first", Environment: own, ServiceName: "shop", IsEncrypted: true,
	})
	assert.Contains(t, string(older.Admin(t).Get(t, sealedPath("sealed")).Want(t, http.StatusOK).Body), "first")
	oldFingerprint := ringOf(t, older.Admin(t)).Current
	assert.Equal(t, oldFingerprint, status.Current)
	stopOlder()

	other, stopOther := serve(newKey + "," + oldKey)
	defer stopOther()
	assert.Empty(t, ringOf(t, admin).Lacking)
	db := e2etest.OpenDatabase(t, databaseURL)
	recorded := func() string {
		var key string
		require.NoError(t, db.QueryRowContext(t.Context(), "SELECT token_key FROM configurations WHERE key = 'sealed'").Scan(&key))
		return key
	}
	assert.Equal(t, oldFingerprint, recorded())
	other.Admin(t).Put(t, made.Path(), e2etest.Object{"value": "second"}).Want(t, http.StatusOK)
	assert.Equal(t, status.First, recorded(), "the replica that was started last knows that all have it")
	require.Eventually(t, func() bool {
		return strings.Contains(string(admin.Get(t, sealedPath("sealed")).Want(t, http.StatusOK).Body), "second")
	}, e2etest.PropagationBound, e2etest.PollInterval)
}
