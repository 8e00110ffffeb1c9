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
	"github.com/signalbox-hq/signalbox/test/harness"
)

// TestPythonConsumer rebuilds the state from Kafka with a client in Python.
func TestPythonConsumer(t *testing.T) {
	t.Parallel()
	k := e2etest.NewKafka(harness.Kafka(t))
	c := e2etest.Boot(t, e2etest.NewSQLite(t), k.Environ()...).Admin(t)
	kept, gone := c.CreateID(t, "kept", "1"), c.CreateID(t, "gone", "1")
	c.Put(t, fmt.Sprintf("/api/v1/config/%d", kept), e2etest.Object{"value": "2"}).Want(t, http.StatusOK)
	c.Delete(t, fmt.Sprintf("/api/v1/config/%d", gone)).Want(t, http.StatusNoContent)
	back := c.CreateID(t, "back", "1")
	c.Delete(t, fmt.Sprintf("/api/v1/config/%d", back)).Want(t, http.StatusNoContent)
	c.Post(t, fmt.Sprintf("/api/v1/config/%d/rollback", back), e2etest.Object{"version": 1}).Want(t, http.StatusOK)
	c.Post(t, "/api/v1/feature-flags", e2etest.Object{"name": "f", "environment": "production"}).Want(t, http.StatusCreated)
	c.RegisterInstance(t, "shop", "i")
	c.RegisterInstance(t, "cart", "i")
	c.Delete(t, e2etest.RegistryPath+"cart").Want(t, http.StatusNoContent)
	revision := c.RevisionOf(t, c.CreateID(t, "last", "1"))
	c.AwaitPublished(t, revision)
	out := python(t, "kafka", "consumer.py", "", "BROKERS="+strings.Join(k.Brokers, ","),
		"TOPICS="+strings.Join(k.Topics(), ","), "UNTIL="+strconv.FormatInt(revision, 10))
	var exists map[string]int64
	require.NoError(t, json.Unmarshal([]byte(out), &exists))
	want := map[string]int64{
		k.Configurations + ":production/shop/kept": 2, k.Configurations + ":production/shop/back": 3,
		k.Configurations + ":production/shop/last": 1, k.Flags + ":production/f": 1,
		k.Services + ":shop": c.Service(t, "shop").Version,
	}
	assert.Equal(t, want, exists)
}
