package e2e_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
)

// TestFlagOfTheOriginal runs the example of the service that Signalbox replaces.
func TestFlagOfTheOriginal(t *testing.T) {
	t.Parallel()
	for _, store := range e2etest.Stores() {
		t.Run(store.Name, func(t *testing.T) {
			t.Parallel()
			c := e2etest.Boot(t, store.New(t)).Admin(t)
			c.CreateFlag(t)
			got := c.Evaluate(t, "user123")
			require.True(t, got.Enabled)
			require.Equal(t, "user_targeted", got.Reason)
		})
	}
}

func TestFlagLife(t *testing.T) {
	t.Parallel()
	for _, store := range e2etest.Stores() {
		t.Run(store.Name, func(t *testing.T) {
			t.Parallel()
			s := e2etest.Boot(t, store.New(t))
			c := s.Admin(t)
			made := c.CreateFlag(t)
			off := c.Put(t, made.Path(), e2etest.Object{"is_enabled": false}, e2etest.With("If-Match", `"1"`)).Want(t, http.StatusOK)
			require.Equal(t, `"2"`, off.Header.Get("ETag"))
			require.Equal(t, "globally_disabled", c.Evaluate(t, "user123").Reason)
			c.Put(t, made.Path(), e2etest.Object{"is_enabled": true}, e2etest.With("If-Match", `"1"`)).
				Problem(t, http.StatusPreconditionFailed, "stale_version")
			back := e2etest.Decode[e2etest.Flag](t, c.Post(t, made.Path()+"/rollback", e2etest.Object{"version": 1}).Want(t, http.StatusOK))
			require.Equal(t, made.Default, back.Default)
			require.Equal(t, made.Salt, back.Salt)
			require.Equal(t, int64(3), back.Version)
			c.Delete(t, made.Path()).Want(t, http.StatusNoContent)
			require.Equal(t, "flag_not_found", c.Evaluate(t, "user123").Reason)
			again := c.CreateFlag(t)
			require.Equal(t, made.ID, again.ID)
			require.Equal(t, int64(5), again.Version)

			db := e2etest.OpenDatabase(t, s.DatabaseURL)
			require.Len(t, e2etest.Dump(t, db, "feature_flag_history"), 5)
			require.Len(t, e2etest.Dump(t, db, e2etest.AllEvents), 5)
			var users, percentage string
			require.NoError(t, db.QueryRowContext(t.Context(),
				"SELECT CAST(target_users AS text), CAST(rollout_percentage AS text) FROM feature_flags").Scan(&users, &percentage))
			require.Contains(t, users, "user123", "the columns of the original's table remain")
			require.Contains(t, percentage, "50")
		})
	}
}

// TestFlagsOfReplicas changes a flag on one replica and evaluates it on another.
func TestFlagsOfReplicas(t *testing.T) {
	t.Parallel()
	databaseURL := e2etest.NewPostgres(t)
	one, other := e2etest.Boot(t, databaseURL).Admin(t), e2etest.Boot(t, databaseURL).Admin(t)
	made := one.CreateFlag(t)
	require.Eventually(t, func() bool { return other.Evaluate(t, "user123").Reason == "user_targeted" },
		e2etest.Timeout, 20*time.Millisecond)
	for _, key := range []string{"a", "b", "c", "d"} {
		require.Equal(t, one.Evaluate(t, key), other.Evaluate(t, key), "replicas evaluate alike")
	}
	other.Put(t, made.Path(), e2etest.Object{"is_enabled": false}).Want(t, http.StatusOK)
	require.Eventually(t, func() bool { return one.Evaluate(t, "user123").Reason == "globally_disabled" },
		e2etest.Timeout, 20*time.Millisecond)
}

// TestFlagsWithoutDatabase makes the database unavailable: evaluation continues and is
// marked as stale, writes are rejected, and afterwards the flags are unchanged.
func TestFlagsWithoutDatabase(t *testing.T) {
	t.Parallel()
	between := e2etest.NewGate(t, e2etest.NewPostgres(t))
	c := e2etest.Boot(t, between.URL, "AUTH_ENABLED=false").Anonymous()
	made := c.CreateFlag(t)
	between.Close()
	require.Eventually(t, func() bool {
		a := c.Post(t, "/ofrep/v1/evaluate/flags", e2etest.Object{"context": e2etest.Object{"targetingKey": "user123"}}).Want(t, http.StatusOK)
		return a.Header.Get("Signalbox-Stale") != ""
	}, e2etest.Timeout, 50*time.Millisecond)
	require.Equal(t, "user_targeted", c.Evaluate(t, "user123").Reason)
	c.Put(t, made.Path(), e2etest.Object{"is_enabled": false}).Problem(t, http.StatusServiceUnavailable, "unavailable")
	require.Equal(t, "user_targeted", c.Evaluate(t, "user123").Reason, "rejected writes had no effect")
	between.Open(t)
	require.Eventually(t, func() bool {
		a := c.Post(t, "/ofrep/v1/evaluate/flags", e2etest.Object{}).Want(t, http.StatusOK)
		return a.Header.Get("Signalbox-Stale") == ""
	}, e2etest.Timeout, 50*time.Millisecond)
	c.Put(t, made.Path(), e2etest.Object{"is_enabled": false}).Want(t, http.StatusOK)
	require.Equal(t, "globally_disabled", c.Evaluate(t, "user123").Reason)
}

// TestFlagsAfterRestart evaluates flags of a database after a restart.
func TestFlagsAfterRestart(t *testing.T) {
	t.Parallel()
	databaseURL := e2etest.NewSQLite(t)
	p := e2etest.Serve(t, databaseURL, "BOOTSTRAP_ADMIN_KEY="+e2etest.AdminKey(t))
	made := p.Admin(t).CreateFlag(t)
	before := map[string]e2etest.Evaluation{}
	for _, key := range []string{"a", "b", "c", "d", "e"} {
		before[key] = p.Admin(t).Evaluate(t, key)
	}
	p.Kill(t)
	p = e2etest.Serve(t, databaseURL, "BOOTSTRAP_ADMIN_KEY="+e2etest.AdminKey(t))
	for key, was := range before {
		require.Equal(t, was, p.Admin(t).Evaluate(t, key))
	}
	shown := e2etest.Decode[e2etest.Flag](t, p.Admin(t).Get(t, e2etest.FlagsPath+"new_checkout_flow?environment=production").Want(t, http.StatusOK))
	require.Equal(t, made, shown)
}
