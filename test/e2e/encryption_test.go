package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/adapters/fernetcipher"
)

// encryption returns the settings that turn encryption on, under a new key.
func encryption(tb testing.TB) []string {
	tb.Helper()
	key, err := fernetcipher.GenerateKey()
	require.NoError(tb, err)
	return []string{"ENABLE_ENCRYPTION=true", "ENCRYPTION_KEY=" + key.Reveal()}
}

func TestEncryption(t *testing.T) {
	t.Parallel()
	for _, store := range stores() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			databaseURL := store.fresh(t)
			s := boot(t, databaseURL, encryption(t)...)
			admin := s.admin(t)
			secret := func(key, value string) draft {
				return draft{Key: key, Value: value, Environment: "production", ServiceName: "shop", IsEncrypted: true}
			}

			t.Run("what is stored is a Fernet token", func(t *testing.T) {
				t.Parallel()
				made := admin.createDraft(t, secret("token", "hush"))
				require.True(t, strings.HasPrefix(s.stored(t, made), "gAAAA"), "a token's first byte and time")
			})

			t.Run("an admin and a reader that may reveal see it by key, others do not", func(t *testing.T) {
				t.Parallel()
				a := admin.post(t, "/api/v1/config/", secret("seen", "hush")).want(t, http.StatusCreated)
				requireRedacted(t, a)
				require.Equal(t, `"1-redacted"`, a.header.Get("ETag"))

				for _, c := range []client{admin, s.reader(t, "--reveal")} {
					shown := c.get(t, at("seen")).want(t, http.StatusOK)
					require.Equal(t, "hush", decode[configuration](t, shown).value())
					require.Equal(t, `"1-revealed"`, shown.header.Get("ETag"))
				}
				hidden := s.reader(t).get(t, at("seen"), with{"If-None-Match", `"1-revealed"`}).want(t, http.StatusOK)
				requireRedacted(t, hidden)
				require.Equal(t, `"1-redacted"`, hidden.header.Get("ETag"))
			})

			t.Run("writes, lists and histories show it to nobody", func(t *testing.T) {
				t.Parallel()
				made := admin.createDraft(t, secret("closed", "hush one"))
				changed := admin.put(t, made.path(), map[string]any{"value": "hush two"}).want(t, http.StatusOK)
				requireRedacted(t, changed)
				requireRedacted(t, admin.post(t, made.path()+"/rollback", `{"version":1}`).want(t, http.StatusOK))
				list := admin.get(t, "/api/v1/config/?key_prefix=closed").want(t, http.StatusOK)
				require.NotContains(t, string(list.body), "hush")
				require.Contains(t, string(list.body), `"value_redacted":true`)
				history := admin.get(t, made.path()+"/history").want(t, http.StatusOK)
				require.NotContains(t, string(history.body), "hush")
				for _, e := range decode[timeline](t, history).History {
					require.True(t, e.ValueRedacted)
					require.True(t, e.IsEncrypted)
					require.Nil(t, e.NewValue)
				}
				require.Equal(t, "hush one", admin.read(t, "closed").value())
				require.Equal(t, "hush two", decode[configuration](t, admin.get(t, at("closed", "&version=2"))).value())
			})

			t.Run("the same value again makes no version", func(t *testing.T) {
				t.Parallel()
				made := admin.createDraft(t, secret("again", "hush"))
				a := admin.put(t, made.path(), map[string]any{"value": "hush", "is_encrypted": true}).want(t, http.StatusOK)
				require.EqualValues(t, 1, decode[configuration](t, a).Version)
			})

			t.Run("turning it on encrypts the history too", func(t *testing.T) {
				t.Parallel()
				made := admin.create(t, "turned.on", "plain one")
				admin.put(t, made.path(), map[string]any{"value": "plain two"}).want(t, http.StatusOK)
				a := admin.put(t, made.path(), map[string]any{"is_encrypted": true}).want(t, http.StatusOK)
				requireRedacted(t, a)
				require.EqualValues(t, 3, decode[configuration](t, a).Version)

				history := admin.get(t, made.path()+"/history").want(t, http.StatusOK)
				require.NotContains(t, string(history.body), "plain")
				for _, row := range dump(t, openDatabase(t, s.databaseURL), "configuration_history") {
					require.NotContains(t, row, "plain one")
					require.NotContains(t, row, "plain two")
				}
				require.Equal(t, "plain one", decode[configuration](t, admin.get(t, at("turned.on", "&version=1"))).value())
				requireRedacted(t, s.reader(t).get(t, at("turned.on", "&version=1")).want(t, http.StatusOK))
			})

			t.Run("an admin turns it off", func(t *testing.T) {
				t.Parallel()
				made := admin.createDraft(t, secret("turned.off", "hush"))
				s.reader(t, "--reveal").put(t, made.path(), `{"is_encrypted":false}`).
					problem(t, http.StatusForbidden, "forbidden")
				a := admin.put(t, made.path(), map[string]any{"is_encrypted": false}).want(t, http.StatusOK)
				require.Equal(t, "hush", decode[configuration](t, a).value())
				require.Equal(t, "hush", s.stored(t, made))
				history := admin.history(t, made)
				require.Equal(t, "hush", deref(history[0].NewValue))
				require.Nil(t, history[1].NewValue)
			})
		})
	}
}

func TestEncryptionFailsClosed(t *testing.T) {
	t.Parallel()

	t.Run("without encryption nothing is stored that should be encrypted", func(t *testing.T) {
		t.Parallel()
		key := encryption(t)[1]
		for _, environ := range [][]string{{}, {"ENABLE_ENCRYPTION=true"}, {key}} {
			c := boot(t, freshSQLite(t), environ...).admin(t)
			c.post(t, "/api/v1/config/", draft{
				Key: "s", Value: "hush", Environment: "production", ServiceName: "shop", IsEncrypted: true,
			}).problem(t, http.StatusUnprocessableEntity, "encryption_unavailable")
			made := c.create(t, "s", "plain")
			c.put(t, made.path(), map[string]any{"is_encrypted": true}).
				problem(t, http.StatusUnprocessableEntity, "encryption_unavailable")
			require.Equal(t, made, c.read(t, "s"))
		}
	})

	t.Run("a token of another key is told by id and version, and never shown", func(t *testing.T) {
		t.Parallel()
		databaseURL := freshSQLite(t)
		first, stop := run(t, databaseURL, encryption(t)...)
		made := first.admin(t).createDraft(t, draft{
			Key: "s", Value: "hush", Environment: "production", ServiceName: "shop", IsEncrypted: true,
		})
		stop()
		second := boot(t, databaseURL, encryption(t)...)
		a := second.admin(t).get(t, at("s"))
		p := a.problem(t, http.StatusInternalServerError, "decryption_failed")
		require.NotContains(t, p, "detail")
		line := second.log.find("decryption_failed")
		require.Contains(t, line, fmt.Sprintf(`"id":%d`, made.ID))
		require.Contains(t, line, `"version":1`)
		require.Contains(t, line, a.header.Get("X-Request-Id"))
		require.NotContains(t, line, first.stored(t, made))

		requireRedacted(t, second.reader(t).get(t, at("s")).want(t, http.StatusOK))
		changed := second.admin(t).put(t, made.path(), map[string]any{"value": "new"}).want(t, http.StatusOK)
		require.EqualValues(t, 2, decode[configuration](t, changed).Version)
		require.Equal(t, "new", second.admin(t).read(t, "s").value())
	})

	t.Run("encryption that was turned off still opens what is stored", func(t *testing.T) {
		t.Parallel()
		databaseURL, environ := freshSQLite(t), encryption(t)
		s, stop := run(t, databaseURL, environ...)
		s.admin(t).createDraft(t, draft{
			Key: "s", Value: "hush", Environment: "production", ServiceName: "shop", IsEncrypted: true,
		})
		stop()
		require.Equal(t, "hush", boot(t, databaseURL, environ[1]).admin(t).read(t, "s").value())
	})
}

// requireRedacted checks that an answer says that there is a value, and not which.
func requireRedacted(tb testing.TB, a answer) {
	tb.Helper()
	shown := decode[map[string]any](tb, a)
	require.Equal(tb, true, shown["value_redacted"])
	require.NotContains(tb, shown, "value")
}

// stored returns what the database holds as a configuration's value.
func (s *service) stored(tb testing.TB, of configuration) string {
	tb.Helper()
	var value string
	require.NoError(tb, openDatabase(tb, s.databaseURL).QueryRowContext(tb.Context(),
		fmt.Sprintf("SELECT value FROM configurations WHERE id = %d", of.ID)).Scan(&value))
	return value
}
