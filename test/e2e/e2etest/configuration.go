package e2etest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Configuration is a configuration as the API returns it.
type Configuration struct {
	ID            int64     `json:"id"`
	Key           string    `json:"key"`
	Value         *string   `json:"value"`
	ValueRedacted bool      `json:"value_redacted"`
	Environment   string    `json:"environment"`
	ServiceName   string    `json:"service_name"`
	Description   *string   `json:"description"`
	IsEncrypted   bool      `json:"is_encrypted"`
	Version       int64     `json:"version"`
	CreatedAt     time.Time `json:"created_at"`
	UpdatedAt     time.Time `json:"updated_at"`
	UpdatedBy     string    `json:"updated_by"`
}

// Path returns the path for writes to the configuration.
func (c Configuration) Path() string { return "/api/v1/config/" + strconv.FormatInt(c.ID, 10) }

// ShownValue returns the value, or "" if it is redacted.
func (c Configuration) ShownValue() string { return Deref(c.Value) }

// HistoryEntry is an entry of a configuration's history.
type HistoryEntry struct {
	ID              int64     `json:"id"`
	ConfigurationID int64     `json:"configuration_id"`
	Version         int64     `json:"version"`
	Action          string    `json:"action"`
	OldValue        *string   `json:"old_value"`
	NewValue        *string   `json:"new_value"`
	ValueRedacted   bool      `json:"value_redacted"`
	Description     *string   `json:"description"`
	IsEncrypted     bool      `json:"is_encrypted"`
	ChangedBy       string    `json:"changed_by"`
	ChangedAt       time.Time `json:"changed_at"`
	RequestID       string    `json:"request_id"`
}

// ConfigurationPage is a page of configurations.
type ConfigurationPage struct {
	Configurations []Configuration `json:"configurations"`
	Total          int             `json:"total"`
	Limit          int             `json:"limit"`
	Offset         int             `json:"offset"`
}

// HistoryPage is a page of a configuration's history.
type HistoryPage struct {
	History []HistoryEntry `json:"history"`
	Total   int            `json:"total"`
	Limit   int            `json:"limit"`
	Offset  int            `json:"offset"`
}

// Draft is the body of a create request; empty fields are omitted.
type Draft struct {
	Key         string  `json:"key,omitempty"`
	Value       string  `json:"value"`
	Environment string  `json:"environment,omitempty"`
	ServiceName string  `json:"service_name,omitempty"`
	Description *string `json:"description,omitempty"`
	IsEncrypted bool    `json:"is_encrypted,omitempty"`
}

// Deref returns a string, or "" if it is nil.
func Deref(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// Create creates an unencrypted configuration of the shop in production.
func (c Client) Create(tb testing.TB, key, value string) Configuration {
	tb.Helper()
	return c.CreateDraft(tb, Draft{Key: key, Value: value, Environment: "production", ServiceName: "shop"})
}

// CreateDraft creates a configuration.
func (c Client) CreateDraft(tb testing.TB, d Draft) Configuration {
	tb.Helper()
	return Decode[Configuration](tb, c.Post(tb, "/api/v1/config/", d).Want(tb, http.StatusCreated))
}

// Read returns a configuration of the shop in production.
func (c Client) Read(tb testing.TB, key string) Configuration {
	tb.Helper()
	return Decode[Configuration](tb, c.Get(tb, ReadPath(key)).Want(tb, http.StatusOK))
}

// History returns the complete history of a configuration, newest first.
func (c Client) History(tb testing.TB, of Configuration) []HistoryEntry {
	tb.Helper()
	page := Decode[HistoryPage](tb, c.Get(tb, of.Path()+"/history?limit=1000").Want(tb, http.StatusOK))
	require.Len(tb, page.History, page.Total)
	return page.History
}

// ReadPath returns the path of a configuration of the shop in production, with further
// parameters.
func ReadPath(key string, query ...string) string {
	return "/api/v1/config/" + strings.ReplaceAll(url.PathEscape(key), "+", "%2B") +
		"?environment=production&service_name=shop" + strings.Join(query, "")
}

// StoredValue returns a configuration's value as the database stores it.
func (s *Server) StoredValue(tb testing.TB, of Configuration) string {
	tb.Helper()
	var value string
	require.NoError(tb, OpenDatabase(tb, s.DatabaseURL).QueryRowContext(tb.Context(),
		fmt.Sprintf("SELECT value FROM configurations WHERE id = %d", of.ID)).Scan(&value))
	return value
}

// CreateID creates a configuration of the shop in production and returns its id.
func (c Client) CreateID(tb testing.TB, key, value string, headers ...Header) int64 {
	tb.Helper()
	a := c.Post(tb, "/api/v1/config", Object{
		"key": key, "value": value, "environment": "production", "service_name": "shop",
	}, headers...)
	a.Want(tb, http.StatusCreated)
	var created struct {
		ID int64 `json:"id"`
	}
	require.NoError(tb, json.Unmarshal(a.Body, &created))
	return created.ID
}

// ReadAt returns a configuration of the shop in production as it was at a time.
func (c Client) ReadAt(tb testing.TB, key string, then time.Time) Configuration {
	tb.Helper()
	return Decode[Configuration](tb, c.Get(tb, ReadPathAt(key, then)).Want(tb, http.StatusOK))
}

// ReadPathAt returns the path of a configuration as it was at a time.
func ReadPathAt(key string, then time.Time) string {
	return ReadPath(key, "&at=", url.QueryEscape(then.Format(time.RFC3339Nano)))
}
