package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
)

// TestAcceptedIsReadable registers values that once made the registry unreadable: an
// address with a zone, and metadata that the database prints longer than they are.
func TestAcceptedIsReadable(t *testing.T) {
	t.Parallel()
	for _, store := range e2etest.Stores() {
		t.Run(store.Name, func(t *testing.T) {
			t.Parallel()
			databaseURL := store.New(t)
			p := e2etest.Serve(t, databaseURL, "BOOTSTRAP_ADMIN_KEY="+e2etest.AdminKey(t))
			c := p.Admin(t)
			zoned := c.Post(t, e2etest.RegistryPath+"register", e2etest.Object{
				"service_name": "app", "instance_id": "a1", "host": "fe80::1%eth0", "ports": e2etest.Object{"http": 8080},
			}).Problem(t, http.StatusUnprocessableEntity, "validation_failed")
			require.Equal(t, []string{"body.host"}, e2etest.Locations(t, zoned))
			require.Contains(t, fmt.Sprint(zoned["errors"]), "zone")

			members := e2etest.Object{}
			for n := range 6_400 {
				members[fmt.Sprintf("m%04d", n)] = 1
			}
			c.Register(t, http.StatusCreated, e2etest.Object{
				"service_name": "app", "instance_id": "a1", "service_url": "http://10.0.0.1:8080", "metadata": members,
			})
			c.Register(t, http.StatusCreated, e2etest.Object{
				"service_name": "app", "instance_id": "a2", "service_url": "http://10.0.0.2:8080",
				"metadata": e2etest.Object{"html": strings.Repeat("<", 60_000)},
			})
			before := c.Service(t, "app")
			p.Kill(t)
			p = e2etest.Serve(t, databaseURL, "BOOTSTRAP_ADMIN_KEY="+e2etest.AdminKey(t))
			c = p.Admin(t)
			require.Equal(t, []string{"app"}, c.Services(t, "").Names())
			require.Len(t, before.Metadata, 6_400)
			require.Equal(t, before.Metadata, c.Service(t, "app").Metadata)
			c.Get(t, e2etest.RegistryPath+"healthy").Want(t, http.StatusOK)
			require.Empty(t, conditionCounts(t, c))
		})
	}
}

// conditionCounts returns the counts of the conditions in /health, by name.
func conditionCounts(t *testing.T, c e2etest.Client) map[string]int64 {
	t.Helper()
	shown := e2etest.Decode[struct {
		Conditions []struct {
			Name  string `json:"name"`
			Count int64  `json:"count"`
		} `json:"conditions"`
	}](t, c.Get(t, "/health"))
	counts := map[string]int64{}
	for _, condition := range shown.Conditions {
		counts[condition.Name] = condition.Count
	}
	return counts
}

// awaitDamaged waits until so many damaged rows are known.
func awaitDamaged(t *testing.T, c e2etest.Client, want int64) {
	t.Helper()
	require.Eventually(t, func() bool { return conditionCounts(t, c)["damaged_rows"] == want }, e2etest.Timeout, 50*time.Millisecond,
		"want %d, have %v", want, conditionCounts(t, c))
}

// damagedData has the data that the tests damage, beside data that stay readable.
type damagedData struct {
	configuration, flag int64
	databaseURL         string
}

// newDamagedData creates data of all kinds, to damage and to keep.
func newDamagedData(t *testing.T, databaseURL string, c e2etest.Client) damagedData {
	t.Helper()
	h := damagedData{databaseURL: databaseURL}
	c.Create(t, "good", "v")
	h.configuration = c.Create(t, "bad", "v").ID
	for _, name := range []string{"good", "bad"} {
		f := e2etest.Decode[e2etest.Flag](t, c.Post(t, e2etest.FlagsPath, e2etest.Object{
			"name": name, "environment": "production", "is_enabled": true,
		}).Want(t, http.StatusCreated))
		h.flag = f.ID
	}
	c.RegisterInstance(t, "good", "a", e2etest.Object{"ttl_seconds": 3600})
	c.RegisterInstance(t, "good", "broken", e2etest.Object{"ttl_seconds": 3600})
	c.RegisterInstance(t, "bad", "a", e2etest.Object{"ttl_seconds": 3600})
	return h
}

// damage damages a row of each table.
func (h damagedData) damage(t *testing.T) {
	t.Helper()
	digest := `'\x00'`
	if strings.HasPrefix(h.databaseURL, "sqlite") {
		digest = "x'00'"
	}
	alterRows(t, h.databaseURL,
		fmt.Sprintf("UPDATE configurations SET service_name = 'not a name' WHERE id = %d", h.configuration),
		fmt.Sprintf("UPDATE configuration_history SET action = '?' WHERE configuration_id = %d", h.configuration),
		fmt.Sprintf("UPDATE feature_flags SET definition = '[]' WHERE id = %d", h.flag),
		fmt.Sprintf("UPDATE feature_flag_history SET new_definition = '[]' WHERE flag_id = %d", h.flag),
		"UPDATE service_registry SET service_url = 'http://[fe80::1%eth0]:8080', protections = '{' WHERE service_name = 'bad'",
		"UPDATE service_instances SET definition = '{' WHERE instance_id = 'broken'",
		"UPDATE service_health_history SET to_status = '?' WHERE instance_id = 'broken'",
		"UPDATE changes SET data = '[]' WHERE revision = 1",
		"INSERT INTO api_keys (id, name, role, digest, created_at) VALUES ('zzzzzzzz', 'x', 'king', "+digest+
			", '2026-01-01T00:00:00.000000Z')",
	)
}

// requireOthers checks that a service returns all other data.
func (h damagedData) requireOthers(t *testing.T, c e2etest.Client) {
	t.Helper()
	require.Equal(t, "v", *c.Read(t, "good").Value)
	require.True(t, e2etest.Decode[e2etest.Evaluation](t, c.Post(t, e2etest.FlagsPath+"evaluate", e2etest.Object{
		"flag_name": "good", "environment": "production", "user_id": "u",
	}).Want(t, http.StatusOK)).Enabled)
	a := c.Get(t, e2etest.DiscoveryPath+"good").Want(t, http.StatusOK)
	require.Equal(t, []string{"a"}, e2etest.InstanceIDs(e2etest.Decode[[]e2etest.Instance](t, a)))
	require.Empty(t, a.Header.Get("Signalbox-Stale"))
	require.Empty(t, a.Header.Get("Signalbox-Registry-Mode"))
}

// damagedIn returns the names of the damaged entries of a list, and checks its total.
func damagedIn(t *testing.T, c e2etest.Client, path, list, name string) (damaged []string) {
	t.Helper()
	page := e2etest.Decode[map[string]any](t, c.Get(t, path).Want(t, http.StatusOK))
	for _, item := range page[list].([]any) {
		shown := item.(map[string]any)
		if shown["damaged"] == true {
			require.NotNil(t, shown["id"])
			damaged = append(damaged, fmt.Sprint(shown[name]))
		}
	}
	require.Len(t, page[list], int(page["total"].(float64)), path)
	return damaged
}

// requireListed checks that a service lists damaged rows in their order.
func (h damagedData) requireListed(t *testing.T, c e2etest.Client) {
	t.Helper()
	for _, l := range []struct{ path, list, name string }{
		{"/api/v1/config/", "configurations", "key"},
		{e2etest.FlagsPath, "flags", "name"},
		{e2etest.RegistryPath, "services", "service_name"},
	} {
		require.Equal(t, []string{"bad"}, damagedIn(t, c, l.path, l.list, l.name), l.path)
	}
}

// requireReported checks the errors of requests for damaged rows.
func (h damagedData) requireReported(t *testing.T, c e2etest.Client) {
	t.Helper()
	damaged := func(a e2etest.Response) {
		t.Helper()
		a.Problem(t, http.StatusConflict, "damaged")
	}
	damaged(c.Get(t, e2etest.FlagsPath+"bad?environment=production"))
	damaged(c.Get(t, e2etest.RegistryPath+"bad"))
	damaged(c.Get(t, e2etest.DiscoveryPath+"bad"))
	damaged(c.Post(t, e2etest.FlagsPath+"evaluate", e2etest.Object{"flag_name": "bad", "environment": "production", "user_id": "u"}))
	damaged(c.Post(t, e2etest.FlagsPath+"explain", e2etest.Object{"flag_name": "bad", "environment": "production", "user_id": "u"}))
	damaged(c.Put(t, fmt.Sprintf("/api/v1/config/%d", h.configuration), e2etest.Object{"value": "x"}))
	damaged(c.Post(t, fmt.Sprintf("%s%d/rollback", e2etest.FlagsPath, h.flag), e2etest.Object{"version": 1}))
	batch := c.Post(t, e2etest.FlagsPath+"evaluate/batch", e2etest.Object{"environment": "production", "user_id": "u"}).Want(t, http.StatusOK)
	require.Contains(t, string(batch.Body), `"reason":"damaged","flag_name":"bad"`)
	single := c.Post(t, "/ofrep/v1/evaluate/flags/bad", e2etest.Object{"context": e2etest.Object{"targetingKey": "u"}}, e2etest.With("X-Environment", "production"))
	require.Equal(t, http.StatusBadRequest, single.Status)
	require.Contains(t, string(single.Body), `"errorCode":"PARSE_ERROR"`)
	bulk := c.Post(t, "/ofrep/v1/evaluate/flags", e2etest.Object{"context": e2etest.Object{"targetingKey": "u"}}, e2etest.With("X-Environment", "production")).
		Want(t, http.StatusOK)
	require.Contains(t, string(bulk.Body), `{"key":"bad","errorCode":"PARSE_ERROR"`)
	require.Contains(t, string(bulk.Body), `"key":"good"`)
	require.Equal(t, 1, strings.Count(string(c.Get(t, e2etest.RegistryPath+"good").Want(t, http.StatusOK).Body), `"damaged":true`))
}

// requireReplaced deletes damaged rows, and creates them again.
func (h damagedData) requireReplaced(t *testing.T, c e2etest.Client) {
	t.Helper()
	path := fmt.Sprintf("/api/v1/config/%d", h.configuration)
	c.Delete(t, path).Want(t, http.StatusNoContent)
	c.Get(t, path+"/history").Want(t, http.StatusOK)
	path = fmt.Sprintf("%s%d", e2etest.FlagsPath, h.flag)
	c.Delete(t, path).Want(t, http.StatusNoContent)
	c.Get(t, path+"/history").Want(t, http.StatusOK)
	c.Delete(t, e2etest.RegistryPath+"good/instances/broken").Want(t, http.StatusNoContent)
	c.Delete(t, e2etest.RegistryPath+"bad").Want(t, http.StatusNoContent)
	c.Create(t, "bad", "again")
	again := e2etest.Decode[e2etest.Flag](t, c.Post(t, e2etest.FlagsPath, e2etest.Object{
		"name": "bad", "environment": "production", "is_enabled": true,
	}).Want(t, http.StatusCreated))
	require.Equal(t, h.flag, again.ID)
	require.Equal(t, int64(3), again.Version)
	c.RegisterInstance(t, "bad", "a")
	require.Equal(t, []string{"a"}, e2etest.InstanceIDs(c.Discover(t, "bad")))
}

// TestDamagedRowsCostThemselvesAlone damages a row of each table of a running service, of
// a restarted one, and of another replica.
func TestDamagedRowsCostThemselvesAlone(t *testing.T) {
	t.Parallel()
	for _, store := range e2etest.Stores() {
		t.Run(store.Name, func(t *testing.T) {
			t.Parallel()
			databaseURL := store.New(t)
			p := e2etest.Serve(t, databaseURL, "BOOTSTRAP_ADMIN_KEY="+e2etest.AdminKey(t))
			c := p.Admin(t)
			h := newDamagedData(t, databaseURL, c)
			c.AwaitPublished(t, 1)
			h.damage(t)
			// A flag keeps its last readable version in memory, and leases expire.
			require.True(t, e2etest.Decode[e2etest.Evaluation](t, c.Post(t, e2etest.FlagsPath+"evaluate", e2etest.Object{
				"flag_name": "bad", "environment": "production", "user_id": "u",
			}).Want(t, http.StatusOK)).Enabled)
			h.requireListed(t, c)
			requireExpiry(t, c, "first")
			replicas := []e2etest.Client{c}
			if store.Name == "PostgreSQL" {
				replicas = append(replicas, e2etest.Serve(t, databaseURL, "BOOTSTRAP_ADMIN_KEY="+e2etest.AdminKey(t)).Admin(t))
			}

			p.Kill(t)
			p = e2etest.Serve(t, databaseURL, "BOOTSTRAP_ADMIN_KEY="+e2etest.AdminKey(t))
			replicas[0] = p.Admin(t)
			for n, c := range replicas {
				h.requireOthers(t, c)
				h.requireListed(t, c)
				h.requireReported(t, c)
				awaitDamaged(t, c, damagedAtTheStart)
				requireExpiry(t, c, fmt.Sprintf("again%d", n))
				h.requireOthers(t, c)
			}
			require.Equal(t, 1, strings.Count(p.Log.String(), `"table":"feature_flags",`))
			require.NotContains(t, p.Log.String(), "not a name")
			h.requireReplaced(t, replicas[0])
			for _, c := range replicas {
				h.requireOthers(t, c)
			}
		})
	}
}

// damagedAtTheStart counts a configuration, a flag, a requested version of it, a service,
// an instance and a key.
const damagedAtTheStart = 6

// requireExpiry registers an instance without heartbeats, and waits until it has expired.
func requireExpiry(t *testing.T, c e2etest.Client, service string) {
	t.Helper()
	c.RegisterInstance(t, service, "short", e2etest.Object{"ttl_seconds": 1})
	c.RegisterInstance(t, service, "long", e2etest.Object{"ttl_seconds": 3600})
	c.AwaitDiscovered(t, e2etest.Timeout, service, "long")
}

// TestRowsWithoutAVersionAreDeletedThroughTheAPI removes the versions of rows, and the name
// of one, which only SQLite allows in columns of numbers.
func TestRowsWithoutAVersionAreDeletedThroughTheAPI(t *testing.T) {
	t.Parallel()
	databaseURL := e2etest.NewSQLite(t)
	p := e2etest.Serve(t, databaseURL, "BOOTSTRAP_ADMIN_KEY="+e2etest.AdminKey(t))
	c := p.Admin(t)
	h := newDamagedData(t, databaseURL, c)
	c.RegisterInstance(t, "nameless", "a", e2etest.Object{"ttl_seconds": 3600})
	c.AwaitPublished(t, 1)
	p.Kill(t)
	alterRows(t, databaseURL,
		fmt.Sprintf("UPDATE configurations SET version = 'x' WHERE id = %d", h.configuration),
		fmt.Sprintf("UPDATE feature_flags SET version = 'x' WHERE id = %d", h.flag),
		"UPDATE service_registry SET version = 'x' WHERE service_name = 'bad'",
		"UPDATE service_registry SET service_name = 'a b' WHERE service_name = 'nameless'",
		"UPDATE service_instances SET instance_id = 'c d' WHERE instance_id = 'broken'",
		"UPDATE changes SET aggregate_version = 'x' WHERE revision = 1",
	)
	c = e2etest.Serve(t, databaseURL, "BOOTSTRAP_ADMIN_KEY="+e2etest.AdminKey(t)).Admin(t)
	h.requireOthers(t, c)
	require.Contains(t, string(c.Get(t, "/api/v1/changes?since=0").Want(t, http.StatusOK).Body), `"revision":2`)
	c.Post(t, e2etest.FlagsPath+"evaluate", e2etest.Object{"flag_name": "bad", "environment": "production", "user_id": "u"}).
		Problem(t, http.StatusConflict, "damaged")
	c.Delete(t, fmt.Sprintf("/api/v1/config/%d", h.configuration)).Want(t, http.StatusNoContent)
	c.Delete(t, fmt.Sprintf("%s%d", e2etest.FlagsPath, h.flag)).Want(t, http.StatusNoContent)
	c.Delete(t, e2etest.RegistryPath+"bad").Want(t, http.StatusNoContent)

	// An invalid name is replaced first, as docs/operations.md describes.
	c.Delete(t, e2etest.RegistryPath+"a%20b").Problem(t, http.StatusUnprocessableEntity, "validation_failed")
	alterRows(t, databaseURL,
		"UPDATE service_registry SET service_name = 'damaged-' || id WHERE service_name = 'a b'",
		"UPDATE service_instances SET instance_id = 'damaged-1' WHERE instance_id = 'c d'",
	)
	db := e2etest.OpenDatabase(t, databaseURL)
	var name string
	require.NoError(t, db.QueryRowContext(t.Context(),
		"SELECT service_name FROM service_registry WHERE service_name LIKE 'damaged-%'").Scan(&name))
	c.Delete(t, e2etest.RegistryPath+name).Want(t, http.StatusNoContent)
	c.Delete(t, e2etest.RegistryPath+"good/instances/damaged-1").Want(t, http.StatusNoContent)
	h.requireOthers(t, c)
	require.Equal(t, []string{"good"}, c.Services(t, "").Names())
}

// alterRows runs statements on the database.
func alterRows(t *testing.T, databaseURL string, statements ...string) {
	t.Helper()
	db := e2etest.OpenDatabase(t, databaseURL)
	for _, statement := range statements {
		_, err := db.ExecContext(t.Context(), statement)
		require.NoError(t, err, statement)
	}
}
