package e2e_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// flagShown is what a test looks at of a flag.
type flagShown struct {
	ID         int64   `json:"id"`
	Version    int64   `json:"version"`
	IsEnabled  bool    `json:"is_enabled"`
	Percentage float64 `json:"rollout_percentage"`
	Salt       string  `json:"salt"`
	Default    any     `json:"default"`
}

// evaluated is an answer in the original's words.
type evaluated struct {
	Enabled bool   `json:"enabled"`
	Reason  string `json:"reason"`
	Version *int64 `json:"version"`
}

// flag creates the original's example in production.
func (c client) flag(tb testing.TB) flagShown {
	tb.Helper()
	body := object{
		"name": "new_checkout_flow", "environment": "production", "is_enabled": true,
		"rollout_percentage": 50.0, "target_users": []string{"user123"},
	}
	return decode[flagShown](tb, c.post(tb, flagsPath, body).want(tb, http.StatusCreated))
}

func (f flagShown) path() string { return flagsPath + strconv.FormatInt(f.ID, 10) }

// evaluate asks what a user gets.
func (c client) evaluate(tb testing.TB, user string) evaluated {
	tb.Helper()
	return decode[evaluated](tb, c.post(tb, flagsPath+"evaluate", object{
		"flag_name": "new_checkout_flow", "environment": "production", "user_id": user,
	}).want(tb, http.StatusOK))
}

// TestFlagOfTheOriginal is the example of the service that Signalbox replaces.
func TestFlagOfTheOriginal(t *testing.T) {
	t.Parallel()
	for _, store := range stores() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			c := boot(t, store.fresh(t)).admin(t)
			c.flag(t)
			got := c.evaluate(t, "user123")
			require.True(t, got.Enabled)
			require.Equal(t, "user_targeted", got.Reason)
		})
	}
}

func TestFlagLife(t *testing.T) {
	t.Parallel()
	for _, store := range stores() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			s := boot(t, store.fresh(t))
			c := s.admin(t)
			made := c.flag(t)
			off := c.put(t, made.path(), object{"is_enabled": false}, with{"If-Match", `"1"`}).want(t, http.StatusOK)
			require.Equal(t, `"2"`, off.header.Get("ETag"))
			require.Equal(t, "globally_disabled", c.evaluate(t, "user123").Reason)
			c.put(t, made.path(), object{"is_enabled": true}, with{"If-Match", `"1"`}).
				problem(t, http.StatusPreconditionFailed, "stale_version")
			back := decode[flagShown](t, c.post(t, made.path()+"/rollback", object{"version": 1}).want(t, http.StatusOK))
			require.Equal(t, made.Default, back.Default)
			require.Equal(t, made.Salt, back.Salt)
			require.Equal(t, int64(3), back.Version)
			c.delete(t, made.path()).want(t, http.StatusNoContent)
			require.Equal(t, "flag_not_found", c.evaluate(t, "user123").Reason)
			again := c.flag(t)
			require.Equal(t, made.ID, again.ID)
			require.Equal(t, int64(5), again.Version)

			db := openDatabase(t, s.databaseURL)
			require.Len(t, dump(t, db, "feature_flag_history"), 5)
			require.Len(t, dump(t, db, allEvents), 5)
			var users, percentage string
			require.NoError(t, db.QueryRowContext(t.Context(),
				"SELECT CAST(target_users AS text), CAST(rollout_percentage AS text) FROM feature_flags").Scan(&users, &percentage))
			require.Contains(t, users, "user123", "readers of the original's table find its columns")
			require.Contains(t, percentage, "50")
		})
	}
}

// TestFlagsOfReplicas changes a flag on one replica and asks another.
func TestFlagsOfReplicas(t *testing.T) {
	t.Parallel()
	databaseURL := freshPostgres(t)
	one, other := boot(t, databaseURL).admin(t), boot(t, databaseURL).admin(t)
	made := one.flag(t)
	require.Eventually(t, func() bool { return other.evaluate(t, "user123").Reason == "user_targeted" },
		patience, 20*time.Millisecond)
	for _, key := range []string{"a", "b", "c", "d"} {
		require.Equal(t, one.evaluate(t, key), other.evaluate(t, key), "replicas agree on who gets what")
	}
	other.put(t, made.path(), object{"is_enabled": false}).want(t, http.StatusOK)
	require.Eventually(t, func() bool { return one.evaluate(t, "user123").Reason == "globally_disabled" },
		patience, 20*time.Millisecond)
}

// TestFlagsWithoutDatabase takes the database away: evaluation goes on and says
// for how long, writes are refused, and afterwards all is as it was.
func TestFlagsWithoutDatabase(t *testing.T) {
	t.Parallel()
	between := newGate(t, freshPostgres(t))
	c := boot(t, between.url, "AUTH_ENABLED=false").anonymous()
	made := c.flag(t)
	between.shut()
	require.Eventually(t, func() bool {
		a := c.post(t, "/ofrep/v1/evaluate/flags", object{"context": object{"targetingKey": "user123"}}).want(t, http.StatusOK)
		return a.header.Get("Signalbox-Stale") != ""
	}, patience, 50*time.Millisecond)
	require.Equal(t, "user_targeted", c.evaluate(t, "user123").Reason)
	c.put(t, made.path(), object{"is_enabled": false}).problem(t, http.StatusServiceUnavailable, "unavailable")
	require.Equal(t, "user_targeted", c.evaluate(t, "user123").Reason, "what was refused did not happen")
	between.open(t)
	require.Eventually(t, func() bool {
		a := c.post(t, "/ofrep/v1/evaluate/flags", object{}).want(t, http.StatusOK)
		return a.header.Get("Signalbox-Stale") == ""
	}, patience, 50*time.Millisecond)
	c.put(t, made.path(), object{"is_enabled": false}).want(t, http.StatusOK)
	require.Equal(t, "globally_disabled", c.evaluate(t, "user123").Reason)
}

// TestFlagsAfterRestart reads from disk what was written before.
func TestFlagsAfterRestart(t *testing.T) {
	t.Parallel()
	databaseURL := freshSQLite(t)
	p := serve(t, databaseURL, "BOOTSTRAP_ADMIN_KEY="+adminKey(t))
	made := p.admin(t).flag(t)
	before := map[string]evaluated{}
	for _, key := range []string{"a", "b", "c", "d", "e"} {
		before[key] = p.admin(t).evaluate(t, key)
	}
	p.kill(t)
	p = serve(t, databaseURL, "BOOTSTRAP_ADMIN_KEY="+adminKey(t))
	for key, was := range before {
		require.Equal(t, was, p.admin(t).evaluate(t, key))
	}
	shown := decode[flagShown](t, p.admin(t).get(t, flagsPath+"new_checkout_flow?environment=production").want(t, http.StatusOK))
	require.Equal(t, made, shown)
}
