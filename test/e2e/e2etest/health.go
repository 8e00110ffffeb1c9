package e2etest

import (
	"encoding/json"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// Feed is the state of the change feed in /health.
type Feed struct {
	Epoch     string  `json:"epoch"`
	Revision  int64   `json:"revision"`
	Published int64   `json:"published"`
	Pending   int64   `json:"pending"`
	OldestAge float64 `json:"oldest_age_seconds"`
	Parked    int     `json:"parked"`
}

// Health is the response of /health.
type Health struct {
	Status, Kafka string
	Feed          Feed
	Conditions    []struct{ Name, Message string }
}

// Health returns the response of /health.
func (c Client) Health(tb testing.TB) Health {
	tb.Helper()
	var h Health
	require.NoError(tb, json.Unmarshal(c.Get(tb, "/health").Body, &h))
	return h
}

// AwaitPublished waits until all changes are published, up to the revision at least.
func (c Client) AwaitPublished(tb testing.TB, revision int64) {
	tb.Helper()
	require.Eventually(tb, func() bool {
		f := c.Health(tb).Feed
		return f.Pending == 0 && f.Revision >= revision && f.Published == f.Revision
	}, Timeout, PollInterval)
}

// RevisionOf waits for a change of a configuration, and returns the revision of the last
// one.
func (c Client) RevisionOf(tb testing.TB, id int64) int64 {
	tb.Helper()
	revision := int64(0)
	require.Eventually(tb, func() bool {
		page := Decode[struct {
			Changes []struct {
				ResourceID string `json:"resource_id"`
				Revision   int64  `json:"revision"`
			} `json:"changes"`
		}](tb, c.Get(tb, "/api/v1/changes?since=0&type=configuration&limit=1000"))
		for _, change := range page.Changes {
			if change.ResourceID == strconv.FormatInt(id, 10) {
				revision = change.Revision
			}
		}
		return revision > 0
	}, Timeout, PollInterval)
	return revision
}

// Conditions are the conditions in /health.
type Conditions struct {
	Conditions []struct {
		Name    string `json:"name"`
		Message string `json:"message"`
		Count   int    `json:"count"`
	} `json:"conditions"`
}

// Conditions returns the conditions in /health.
func (c Client) Conditions(t *testing.T) Conditions {
	t.Helper()
	return Decode[Conditions](t, c.Get(t, "/health"))
}

// ConditionNames returns the names of the conditions in /health.
func ConditionNames(t *testing.T, c Client) (names []string) {
	t.Helper()
	h := Decode[struct {
		Conditions []struct {
			Name string `json:"name"`
		} `json:"conditions"`
	}](t, c.Get(t, "/health"))
	for _, one := range h.Conditions {
		names = append(names, one.Name)
	}
	return names
}
