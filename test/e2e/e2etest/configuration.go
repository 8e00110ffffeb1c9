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

// Create creates a plain configuration of the shop in production.
func (c Client) Create(tb testing.TB, key, value string) Configuration {
	tb.Helper()
	return c.CreateDraft(tb, Draft{Key: key, Value: value, Environment: "production", ServiceName: "shop"})
}

func (c Client) CreateDraft(tb testing.TB, d Draft) Configuration {
	tb.Helper()
	return Decode[Configuration](tb, c.Post(tb, "/api/v1/config/", d).Want(tb, http.StatusCreated))
}

// Read returns a configuration of the shop in production.
func (c Client) Read(tb testing.TB, key string) Configuration {
	tb.Helper()
	return Decode[Configuration](tb, c.Get(tb, ReadPath(key)).Want(tb, http.StatusOK))
}

// History returns the whole history of a configuration, newest first.
func (c Client) History(tb testing.TB, of Configuration) []HistoryEntry {
	tb.Helper()
	page := Decode[HistoryPage](tb, c.Get(tb, of.Path()+"/history?limit=1000").Want(tb, http.StatusOK))
	require.Len(tb, page.History, page.Total)
	return page.History
}

// ReadPath returns where a configuration of the shop in production is read, with more
// of the query.
func ReadPath(key string, query ...string) string {
	return "/api/v1/config/" + strings.ReplaceAll(url.PathEscape(key), "+", "%2B") +
		"?environment=production&service_name=shop" + strings.Join(query, "")
}

// StoredValue returns what the database holds as a configuration's value.
func (s *Server) StoredValue(tb testing.TB, of Configuration) string {
	tb.Helper()
	var value string
	require.NoError(tb, OpenDatabase(tb, s.DatabaseURL).QueryRowContext(tb.Context(),
		fmt.Sprintf("SELECT value FROM configurations WHERE id = %d", of.ID)).Scan(&value))
	return value
}

// CreateID makes a configuration of the shop in production, and returns its id.
func (c Client) CreateID(tb testing.TB, key, value string, headers ...Header) int64 {
	tb.Helper()
	a := c.Post(tb, "/api/v1/config", Object{
		"key": key, "value": value, "environment": "production", "service_name": "shop",
	}, headers...)
	a.Want(tb, http.StatusCreated)
	var made struct {
		ID int64 `json:"id"`
	}
	require.NoError(tb, json.Unmarshal(a.Body, &made))
	return made.ID
}

// ReadAt returns a configuration of the shop in production as it stood then.
func (c Client) ReadAt(tb testing.TB, key string, then time.Time) Configuration {
	tb.Helper()
	return Decode[Configuration](tb, c.Get(tb, ReadPathAt(key, then)).Want(tb, http.StatusOK))
}

func ReadPathAt(key string, then time.Time) string {
	return ReadPath(key, "&at=", url.QueryEscape(then.Format(time.RFC3339Nano)))
}

// Configuration is a configuration as HTTP shows it.
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

// Path returns where writes to the configuration go.
func (c Configuration) Path() string { return "/api/v1/config/" + strconv.FormatInt(c.ID, 10) }

// ShownValue returns the shown value, or "" where there is none.
func (c Configuration) ShownValue() string { return Deref(c.Value) }

// HistoryEntry is one version as the history shows it.
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

// ConfigurationPage and timeline are pages.
type ConfigurationPage struct {
	Configurations []Configuration `json:"configurations"`
	Total          int             `json:"total"`
	Limit          int             `json:"limit"`
	Offset         int             `json:"offset"`
}

type HistoryPage struct {
	History []HistoryEntry `json:"history"`
	Total   int            `json:"total"`
	Limit   int            `json:"limit"`
	Offset  int            `json:"offset"`
}

// Draft is what a creation sends; what is empty is not sent.
type Draft struct {
	Key         string  `json:"key,omitempty"`
	Value       string  `json:"value"`
	Environment string  `json:"environment,omitempty"`
	ServiceName string  `json:"service_name,omitempty"`
	Description *string `json:"description,omitempty"`
	IsEncrypted bool    `json:"is_encrypted,omitempty"`
}

func Deref(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
