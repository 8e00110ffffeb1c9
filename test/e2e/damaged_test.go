package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestWhatIsAcceptedIsReadAgain registers what once took the registry down: an
// address with a zone, and metadata that the database prints longer than they are.
func TestWhatIsAcceptedIsReadAgain(t *testing.T) {
	t.Parallel()
	for _, store := range stores() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			databaseURL := store.fresh(t)
			p := serve(t, databaseURL, "BOOTSTRAP_ADMIN_KEY="+adminKey(t))
			c := p.admin(t)
			zoned := c.post(t, registryPath+"register", object{
				"service_name": "app", "instance_id": "a1", "host": "fe80::1%eth0", "ports": object{"http": 8080},
			}).problem(t, http.StatusUnprocessableEntity, "validation_failed")
			require.Equal(t, []string{"body.host"}, places(t, zoned))
			require.Contains(t, fmt.Sprint(zoned["errors"]), "zone")

			members := object{}
			for n := range 6_400 {
				members[fmt.Sprintf("m%04d", n)] = 1
			}
			c.registers(t, http.StatusCreated, object{
				"service_name": "app", "instance_id": "a1", "service_url": "http://10.0.0.1:8080", "metadata": members,
			})
			c.registers(t, http.StatusCreated, object{
				"service_name": "app", "instance_id": "a2", "service_url": "http://10.0.0.2:8080",
				"metadata": object{"html": strings.Repeat("<", 60_000)},
			})
			before := c.service(t, "app")
			p.kill(t)
			p = serve(t, databaseURL, "BOOTSTRAP_ADMIN_KEY="+adminKey(t))
			c = p.admin(t)
			require.Equal(t, []string{"app"}, c.services(t, "").names())
			require.Len(t, before.Metadata, 6_400)
			require.Equal(t, before.Metadata, c.service(t, "app").Metadata)
			c.get(t, registryPath+"healthy").want(t, http.StatusOK)
			require.Empty(t, conditionCounts(t, c))
		})
	}
}

// conditionCounts returns the counts of the conditions in /health, by name.
func conditionCounts(t *testing.T, c client) map[string]int64 {
	t.Helper()
	shown := decode[struct {
		Conditions []struct {
			Name  string `json:"name"`
			Count int64  `json:"count"`
		} `json:"conditions"`
	}](t, c.get(t, "/health"))
	counts := map[string]int64{}
	for _, condition := range shown.Conditions {
		counts[condition.Name] = condition.Count
	}
	return counts
}

// awaitDamaged waits until so many rows are known to be damaged.
func awaitDamaged(t *testing.T, c client, want int64) {
	t.Helper()
	require.Eventually(t, func() bool { return conditionCounts(t, c)["damaged_rows"] == want }, patience, 50*time.Millisecond,
		"want %d, have %v", want, conditionCounts(t, c))
}

// houseOfDamage is what the tests damage, beside what stays whole.
type houseOfDamage struct {
	configuration, flag int64
	databaseURL         string
}

// furnish makes good and bad of everything.
func furnish(t *testing.T, databaseURL string, c client) houseOfDamage {
	t.Helper()
	h := houseOfDamage{databaseURL: databaseURL}
	c.create(t, "good", "v")
	h.configuration = c.create(t, "bad", "v").ID
	for _, name := range []string{"good", "bad"} {
		f := decode[flagShown](t, c.post(t, flagsPath, object{
			"name": name, "environment": "production", "is_enabled": true,
		}).want(t, http.StatusCreated))
		h.flag = f.ID
	}
	c.enrol(t, "good", "a", object{"ttl_seconds": 3600})
	c.enrol(t, "good", "broken", object{"ttl_seconds": 3600})
	c.enrol(t, "bad", "a", object{"ttl_seconds": 3600})
	return h
}

// plant damages a row of each table.
func (h houseOfDamage) plant(t *testing.T) {
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

// others holds a service to answering for everything that is whole.
func (h houseOfDamage) others(t *testing.T, c client) {
	t.Helper()
	require.Equal(t, "v", *c.read(t, "good").Value)
	require.True(t, decode[evaluated](t, c.post(t, flagsPath+"evaluate", object{
		"flag_name": "good", "environment": "production", "user_id": "u",
	}).want(t, http.StatusOK)).Enabled)
	a := c.get(t, discoveryPath+"good").want(t, http.StatusOK)
	require.Equal(t, []string{"a"}, ids(decode[[]instanceShown](t, a)))
	require.Empty(t, a.header.Get("Signalbox-Stale"))
	require.Empty(t, a.header.Get("Signalbox-Registry-Mode"))
}

// damagedIn returns the names of what a list shows as damaged, and holds its total.
func damagedIn(t *testing.T, c client, path, list, name string) (damaged []string) {
	t.Helper()
	page := decode[map[string]any](t, c.get(t, path).want(t, http.StatusOK))
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

// listed holds a service to listing what is damaged in its place.
func (h houseOfDamage) listed(t *testing.T, c client) {
	t.Helper()
	for _, l := range []struct{ path, list, name string }{
		{"/api/v1/config/", "configurations", "key"},
		{flagsPath, "flags", "name"},
		{registryPath, "services", "service_name"},
	} {
		require.Equal(t, []string{"bad"}, damagedIn(t, c, l.path, l.list, l.name), l.path)
	}
}

// asked holds a service to saying what is wrong with what is asked for.
func (h houseOfDamage) asked(t *testing.T, c client) {
	t.Helper()
	damaged := func(a answer) {
		t.Helper()
		a.problem(t, http.StatusConflict, "damaged")
	}
	damaged(c.get(t, flagsPath+"bad?environment=production"))
	damaged(c.get(t, registryPath+"bad"))
	damaged(c.get(t, discoveryPath+"bad"))
	damaged(c.post(t, flagsPath+"evaluate", object{"flag_name": "bad", "environment": "production", "user_id": "u"}))
	damaged(c.post(t, flagsPath+"explain", object{"flag_name": "bad", "environment": "production", "user_id": "u"}))
	damaged(c.put(t, fmt.Sprintf("/api/v1/config/%d", h.configuration), object{"value": "x"}))
	damaged(c.post(t, fmt.Sprintf("%s%d/rollback", flagsPath, h.flag), object{"version": 1}))
	batch := c.post(t, flagsPath+"evaluate/batch", object{"environment": "production", "user_id": "u"}).want(t, http.StatusOK)
	require.Contains(t, string(batch.body), `"reason":"damaged","flag_name":"bad"`)
	single := c.post(t, "/ofrep/v1/evaluate/flags/bad", object{"context": object{"targetingKey": "u"}}, with{"X-Environment", "production"})
	require.Equal(t, http.StatusBadRequest, single.status)
	require.Contains(t, string(single.body), `"errorCode":"PARSE_ERROR"`)
	bulk := c.post(t, "/ofrep/v1/evaluate/flags", object{"context": object{"targetingKey": "u"}}, with{"X-Environment", "production"}).
		want(t, http.StatusOK)
	require.Contains(t, string(bulk.body), `{"key":"bad","errorCode":"PARSE_ERROR"`)
	require.Contains(t, string(bulk.body), `"key":"good"`)
	require.Equal(t, 1, strings.Count(string(c.get(t, registryPath+"good").want(t, http.StatusOK).body), `"damaged":true`))
}

// cleared deletes what is damaged, and makes it anew.
func (h houseOfDamage) cleared(t *testing.T, c client) {
	t.Helper()
	path := fmt.Sprintf("/api/v1/config/%d", h.configuration)
	c.delete(t, path).want(t, http.StatusNoContent)
	c.get(t, path+"/history").want(t, http.StatusOK)
	path = fmt.Sprintf("%s%d", flagsPath, h.flag)
	c.delete(t, path).want(t, http.StatusNoContent)
	c.get(t, path+"/history").want(t, http.StatusOK)
	c.delete(t, registryPath+"good/instances/broken").want(t, http.StatusNoContent)
	c.delete(t, registryPath+"bad").want(t, http.StatusNoContent)
	c.create(t, "bad", "again")
	again := decode[flagShown](t, c.post(t, flagsPath, object{
		"name": "bad", "environment": "production", "is_enabled": true,
	}).want(t, http.StatusCreated))
	require.Equal(t, h.flag, again.ID)
	require.Equal(t, int64(3), again.Version)
	c.enrol(t, "bad", "a")
	require.Equal(t, []string{"a"}, ids(c.discovers(t, "bad")))
}

// TestDamagedRowsCostThemselvesAlone damages a row of each table of a service that
// runs, that starts again, and of another replica.
func TestDamagedRowsCostThemselvesAlone(t *testing.T) {
	t.Parallel()
	for _, store := range stores() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			databaseURL := store.fresh(t)
			p := serve(t, databaseURL, "BOOTSTRAP_ADMIN_KEY="+adminKey(t))
			c := p.admin(t)
			h := furnish(t, databaseURL, c)
			c.awaitPublished(t, 1)
			h.plant(t)
			// A flag keeps its last good form in memory, and leases go on ending.
			require.True(t, decode[evaluated](t, c.post(t, flagsPath+"evaluate", object{
				"flag_name": "bad", "environment": "production", "user_id": "u",
			}).want(t, http.StatusOK)).Enabled)
			h.listed(t, c)
			leasesEnd(t, c, "first")
			replicas := []client{c}
			if store.name == "PostgreSQL" {
				replicas = append(replicas, serve(t, databaseURL, "BOOTSTRAP_ADMIN_KEY="+adminKey(t)).admin(t))
			}

			p.kill(t)
			p = serve(t, databaseURL, "BOOTSTRAP_ADMIN_KEY="+adminKey(t))
			replicas[0] = p.admin(t)
			for n, c := range replicas {
				h.others(t, c)
				h.listed(t, c)
				h.asked(t, c)
				awaitDamaged(t, c, damagedAtTheStart)
				leasesEnd(t, c, fmt.Sprintf("again%d", n))
				h.others(t, c)
			}
			require.Equal(t, 1, strings.Count(p.log.String(), `"table":"feature_flags",`))
			require.NotContains(t, p.log.String(), "not a name")
			h.cleared(t, replicas[0])
			for _, c := range replicas {
				h.others(t, c)
			}
		})
	}
}

// damagedAtTheStart counts a configuration, a flag, a version of it that was asked for,
// a service, an instance and a key.
const damagedAtTheStart = 6

// leasesEnd registers an instance that does not beat, and waits until it has left.
func leasesEnd(t *testing.T, c client, service string) {
	t.Helper()
	c.enrol(t, service, "short", object{"ttl_seconds": 1})
	c.enrol(t, service, "long", object{"ttl_seconds": 3600})
	c.awaitListed(t, patience, service, "long")
}

// TestRowsWithoutAVersionAreDeletedThroughTheAPI takes the versions of rows, and the name of
// one, which only SQLite lets happen to columns of numbers.
func TestRowsWithoutAVersionAreDeletedThroughTheAPI(t *testing.T) {
	t.Parallel()
	databaseURL := freshSQLite(t)
	p := serve(t, databaseURL, "BOOTSTRAP_ADMIN_KEY="+adminKey(t))
	c := p.admin(t)
	h := furnish(t, databaseURL, c)
	c.enrol(t, "nameless", "a", object{"ttl_seconds": 3600})
	c.awaitPublished(t, 1)
	p.kill(t)
	alterRows(t, databaseURL,
		fmt.Sprintf("UPDATE configurations SET version = 'x' WHERE id = %d", h.configuration),
		fmt.Sprintf("UPDATE feature_flags SET version = 'x' WHERE id = %d", h.flag),
		"UPDATE service_registry SET version = 'x' WHERE service_name = 'bad'",
		"UPDATE service_registry SET service_name = 'a b' WHERE service_name = 'nameless'",
		"UPDATE service_instances SET instance_id = 'c d' WHERE instance_id = 'broken'",
		"UPDATE changes SET aggregate_version = 'x' WHERE revision = 1",
	)
	c = serve(t, databaseURL, "BOOTSTRAP_ADMIN_KEY="+adminKey(t)).admin(t)
	h.others(t, c)
	require.Contains(t, string(c.get(t, "/api/v1/changes?since=0").want(t, http.StatusOK).body), `"revision":2`)
	c.post(t, flagsPath+"evaluate", object{"flag_name": "bad", "environment": "production", "user_id": "u"}).
		problem(t, http.StatusConflict, "damaged")
	c.delete(t, fmt.Sprintf("/api/v1/config/%d", h.configuration)).want(t, http.StatusNoContent)
	c.delete(t, fmt.Sprintf("%s%d", flagsPath, h.flag)).want(t, http.StatusNoContent)
	c.delete(t, registryPath+"bad").want(t, http.StatusNoContent)

	// A name that breaks a rule is replaced first, as docs/operations.md says.
	c.delete(t, registryPath+"a%20b").problem(t, http.StatusUnprocessableEntity, "validation_failed")
	alterRows(t, databaseURL,
		"UPDATE service_registry SET service_name = 'damaged-' || id WHERE service_name = 'a b'",
		"UPDATE service_instances SET instance_id = 'damaged-1' WHERE instance_id = 'c d'",
	)
	db := openDatabase(t, databaseURL)
	var name string
	require.NoError(t, db.QueryRowContext(t.Context(),
		"SELECT service_name FROM service_registry WHERE service_name LIKE 'damaged-%'").Scan(&name))
	c.delete(t, registryPath+name).want(t, http.StatusNoContent)
	c.delete(t, registryPath+"good/instances/damaged-1").want(t, http.StatusNoContent)
	h.others(t, c)
	require.Equal(t, []string{"good"}, c.services(t, "").names())
}

// alterRows runs statements past the service.
func alterRows(t *testing.T, databaseURL string, statements ...string) {
	t.Helper()
	db := openDatabase(t, databaseURL)
	for _, statement := range statements {
		_, err := db.ExecContext(t.Context(), statement)
		require.NoError(t, err, statement)
	}
}
