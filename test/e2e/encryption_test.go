package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
)

func TestEncryption(t *testing.T) {
	t.Parallel()
	for _, store := range e2etest.Stores() {
		t.Run(store.Name, func(t *testing.T) {
			t.Parallel()
			databaseURL := store.New(t)
			s := e2etest.Boot(t, databaseURL, e2etest.Encryption(t)...)
			admin := s.Admin(t)
			secret := func(key, value string) e2etest.Draft {
				return e2etest.Draft{Key: key, Value: value, Environment: "production", ServiceName: "shop", IsEncrypted: true}
			}

			t.Run("the stored value is a Fernet token", func(t *testing.T) {
				t.Parallel()
				made := admin.CreateDraft(t, secret("token", "hush"))
				require.True(t, strings.HasPrefix(s.StoredValue(t, made), "gAAAA"), "a token's first byte and time")
			})

			t.Run("an admin and a reader with reveal read the value, others do not", func(t *testing.T) {
				t.Parallel()
				a := admin.Post(t, "/api/v1/config/", secret("seen", "hush")).Want(t, http.StatusCreated)
				requireRedacted(t, a)
				require.Equal(t, `"1-redacted"`, a.Header.Get("ETag"))

				for _, c := range []e2etest.Client{admin, s.Reader(t, "--reveal")} {
					shown := c.Get(t, e2etest.ReadPath("seen")).Want(t, http.StatusOK)
					require.Equal(t, "hush", e2etest.Decode[e2etest.Configuration](t, shown).ShownValue())
					require.Equal(t, `"1-revealed"`, shown.Header.Get("ETag"))
				}
				hidden := s.Reader(t).Get(t, e2etest.ReadPath("seen"), e2etest.With("If-None-Match", `"1-revealed"`)).Want(t, http.StatusOK)
				requireRedacted(t, hidden)
				require.Equal(t, `"1-redacted"`, hidden.Header.Get("ETag"))
			})

			t.Run("writes, lists and histories are redacted", func(t *testing.T) {
				t.Parallel()
				made := admin.CreateDraft(t, secret("closed", "hush one"))
				changed := admin.Put(t, made.Path(), map[string]any{"value": "hush two"}).Want(t, http.StatusOK)
				requireRedacted(t, changed)
				requireRedacted(t, admin.Post(t, made.Path()+"/rollback", `{"version":1}`).Want(t, http.StatusOK))
				list := admin.Get(t, "/api/v1/config/?key_prefix=closed").Want(t, http.StatusOK)
				require.NotContains(t, string(list.Body), "hush")
				require.Contains(t, string(list.Body), `"value_redacted":true`)
				history := admin.Get(t, made.Path()+"/history").Want(t, http.StatusOK)
				require.NotContains(t, string(history.Body), "hush")
				for _, e := range e2etest.Decode[e2etest.HistoryPage](t, history).History {
					require.True(t, e.ValueRedacted)
					require.True(t, e.IsEncrypted)
					require.Nil(t, e.NewValue)
				}
				require.Equal(t, "hush one", admin.Read(t, "closed").ShownValue())
				require.Equal(t, "hush two", e2etest.Decode[e2etest.Configuration](t, admin.Get(t, e2etest.ReadPath("closed", "&version=2"))).ShownValue())
			})

			t.Run("the same value creates no version", func(t *testing.T) {
				t.Parallel()
				made := admin.CreateDraft(t, secret("again", "hush"))
				a := admin.Put(t, made.Path(), map[string]any{"value": "hush", "is_encrypted": true}).Want(t, http.StatusOK)
				require.EqualValues(t, 1, e2etest.Decode[e2etest.Configuration](t, a).Version)
			})

			t.Run("enabling encryption encrypts the history", func(t *testing.T) {
				t.Parallel()
				made := admin.Create(t, "turned.on", "plain one")
				admin.Put(t, made.Path(), map[string]any{"value": "plain two"}).Want(t, http.StatusOK)
				a := admin.Put(t, made.Path(), map[string]any{"is_encrypted": true}).Want(t, http.StatusOK)
				requireRedacted(t, a)
				require.EqualValues(t, 3, e2etest.Decode[e2etest.Configuration](t, a).Version)

				history := admin.Get(t, made.Path()+"/history").Want(t, http.StatusOK)
				require.NotContains(t, string(history.Body), "plain")
				for _, row := range e2etest.Dump(t, e2etest.OpenDatabase(t, s.DatabaseURL), "configuration_history") {
					require.NotContains(t, row, "plain one")
					require.NotContains(t, row, "plain two")
				}
				require.Equal(t, "plain one", e2etest.Decode[e2etest.Configuration](t, admin.Get(t, e2etest.ReadPath("turned.on", "&version=1"))).ShownValue())
				requireRedacted(t, s.Reader(t).Get(t, e2etest.ReadPath("turned.on", "&version=1")).Want(t, http.StatusOK))
			})

			t.Run("an admin disables encryption", func(t *testing.T) {
				t.Parallel()
				made := admin.CreateDraft(t, secret("turned.off", "hush"))
				s.Reader(t, "--reveal").Put(t, made.Path(), `{"is_encrypted":false}`).
					Problem(t, http.StatusForbidden, "forbidden")
				a := admin.Put(t, made.Path(), map[string]any{"is_encrypted": false}).Want(t, http.StatusOK)
				require.Equal(t, "hush", e2etest.Decode[e2etest.Configuration](t, a).ShownValue())
				require.Equal(t, "hush", s.StoredValue(t, made))
				history := admin.History(t, made)
				require.Equal(t, "hush", e2etest.Deref(history[0].NewValue))
				require.Nil(t, history[1].NewValue)
			})
		})
	}
}

func TestEncryptionFailsClosed(t *testing.T) {
	t.Parallel()

	t.Run("without encryption no value is stored that must be encrypted", func(t *testing.T) {
		t.Parallel()
		key := e2etest.Encryption(t)[1]
		for _, environ := range [][]string{{}, {"ENABLE_ENCRYPTION=true"}, {key}} {
			c := e2etest.Boot(t, e2etest.NewSQLite(t), environ...).Admin(t)
			c.Post(t, "/api/v1/config/", e2etest.Draft{
				Key: "s", Value: "hush", Environment: "production", ServiceName: "shop", IsEncrypted: true,
			}).Problem(t, http.StatusUnprocessableEntity, "encryption_unavailable")
			made := c.Create(t, "s", "plain")
			c.Put(t, made.Path(), map[string]any{"is_encrypted": true}).
				Problem(t, http.StatusUnprocessableEntity, "encryption_unavailable")
			require.Equal(t, made, c.Read(t, "s"))
		}
	})

	t.Run("a token of another key is reported by id and version, without its bytes", func(t *testing.T) {
		t.Parallel()
		databaseURL, environ := e2etest.NewSQLite(t), e2etest.Encryption(t)
		first, stop := e2etest.Run(t, databaseURL, environ...)
		made := first.Admin(t).CreateDraft(t, e2etest.Draft{
			Key: "s", Value: "hush", Environment: "production", ServiceName: "shop", IsEncrypted: true,
		})
		stop()
		e2etest.SealUnderAnotherKey(t, databaseURL)
		second := e2etest.Boot(t, databaseURL, environ...)
		a := second.Admin(t).Get(t, e2etest.ReadPath("s"))
		p := a.Problem(t, http.StatusInternalServerError, "decryption_failed")
		require.NotContains(t, p, "detail")
		line := second.Log.Find("decryption_failed")
		require.Contains(t, line, fmt.Sprintf(`"id":%d`, made.ID))
		require.Contains(t, line, `"version":1`)
		require.Contains(t, line, a.Header.Get("X-Request-Id"))
		require.NotContains(t, line, first.StoredValue(t, made))

		requireRedacted(t, second.Reader(t).Get(t, e2etest.ReadPath("s")).Want(t, http.StatusOK))
		changed := second.Admin(t).Put(t, made.Path(), map[string]any{"value": "new"}).Want(t, http.StatusOK)
		require.EqualValues(t, 2, e2etest.Decode[e2etest.Configuration](t, changed).Version)
		require.Equal(t, "new", second.Admin(t).Read(t, "s").ShownValue())
	})

	t.Run("disabled encryption still decrypts stored values", func(t *testing.T) {
		t.Parallel()
		databaseURL, environ := e2etest.NewSQLite(t), e2etest.Encryption(t)
		s, stop := e2etest.Run(t, databaseURL, environ...)
		s.Admin(t).CreateDraft(t, e2etest.Draft{
			Key: "s", Value: "hush", Environment: "production", ServiceName: "shop", IsEncrypted: true,
		})
		stop()
		require.Equal(t, "hush", e2etest.Boot(t, databaseURL, environ[1]).Admin(t).Read(t, "s").ShownValue())
	})
}

// requireRedacted checks that a response is redacted.
func requireRedacted(tb testing.TB, a e2etest.Response) {
	tb.Helper()
	shown := e2etest.Decode[map[string]any](tb, a)
	require.Equal(tb, true, shown["value_redacted"])
	require.NotContains(tb, shown, "value")
}
