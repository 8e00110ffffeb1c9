package client_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
)

// TestRedisReaders reads the keys of docs/redis.md with redis-py, and compares them with
// the API.
func TestRedisReaders(t *testing.T) {
	t.Parallel()
	shared := e2etest.NewRedis(t)
	c := e2etest.Boot(t, e2etest.NewSQLite(t), shared.Environ(t)...).Admin(t)
	c.Create(t, "database.url", "postgres://one")
	readUntilShared(t, c, shared, "config:production:shop:database.url", e2etest.ReadPath("database.url"))
	made := c.Post(t, "/api/v1/feature-flags", e2etest.Object{"name": "beta", "environment": "production", "is_enabled": true})
	readUntilShared(t, c, shared, "feature_flag:beta:production", made.Want(t, http.StatusCreated).Header.Get("Location"))
	c.Post(t, e2etest.RegistryPath+"register", e2etest.Object{"service_name": "plain", "service_url": "http://127.0.0.1:1"}).
		Want(t, http.StatusCreated)
	for _, id := range []string{"a", "b"} {
		c.Post(t, e2etest.RegistryPath+"register", e2etest.Object{
			"service_name": "shop", "instance_id": id, "service_url": "http://127.0.0.1:2",
		}).Want(t, http.StatusCreated)
	}
	c.ReportHealth(t, e2etest.Object{"service_name": "shop", "instance_id": "b", "status": "critical"})
	observed := map[string]string{}
	for _, service := range []string{"shop", "plain"} {
		for _, i := range c.Service(t, service).Instances {
			observed[service+"/"+i.ID] = i.Observed
		}
	}
	require.Equal(t, map[string]string{"shop/a": "passing", "shop/b": "critical", "plain/default": "unknown"}, observed)
	require.Eventually(t, func() bool {
		fields := shared.Client.HGetAll(t.Context(), "service:shop:instances").Val()
		return len(fields) == 2 && strings.Contains(fields["b"], `"health_status":"critical"`) &&
			shared.Client.HLen(t.Context(), "service:plain:instances").Val() == 1
	}, e2etest.Timeout, e2etest.PollInterval)

	var found struct {
		TTL                map[string]int `json:"ttl"`
		Config, Flag, Info e2etest.Object
		Active             string
		Instances          map[string]map[string]e2etest.Object
		Healthy            []string
	}
	out := python(t, "redis", "redis_reader.py", "", shared.Environ(t)...)
	require.NoError(t, json.Unmarshal([]byte(out), &found))
	for key, seconds := range found.TTL {
		assert.Positive(t, seconds, key)
	}
	assert.Equal(t, "postgres://one", found.Config["value"])
	assert.Equal(t, true, found.Flag["definition"].(e2etest.Object)["is_enabled"])
	assert.Equal(t, "shop", found.Info["service_name"])
	assert.Equal(t, "1", found.Active)
	projected := map[string]string{}
	for service, instances := range found.Instances {
		for id, instance := range instances {
			projected[service+"/"+id], _ = instance["health_status"].(string)
		}
	}
	assert.Equal(t, observed, projected, "readers see what the API says")
	assert.Equal(t, c.Services(t, "healthy").Names(), found.Healthy)
}

// readUntilShared reads a resource until its key is in Redis, which is filled beside the
// response, and not at all where Redis is slow. Before each further read it changes the
// resource, so that no local cache answers.
func readUntilShared(t *testing.T, c e2etest.Client, shared e2etest.Redis, key, path string) {
	t.Helper()
	id := e2etest.Decode[struct{ ID int64 }](t, c.Get(t, path).Want(t, http.StatusOK)).ID
	change := "/api/v1/config/"
	if strings.HasPrefix(path, e2etest.FlagsPath) {
		change = e2etest.FlagsPath
	}
	attempt := 0
	require.Eventually(t, func() bool {
		if shared.Client.Exists(t.Context(), key).Val() == 1 {
			return true
		}
		attempt++
		c.Put(t, fmt.Sprintf("%s%d", change, id), e2etest.Object{"description": strconv.Itoa(attempt)}).Want(t, http.StatusOK)
		c.Get(t, path).Want(t, http.StatusOK)
		return false
	}, e2etest.Timeout, e2etest.PollInterval, key)
}
