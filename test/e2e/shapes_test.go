package e2e_test

import (
	"strconv"
	"time"
)

// configuration is a configuration as HTTP shows it.
type configuration struct {
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

// path returns where writes to the configuration go.
func (c configuration) path() string { return "/api/v1/config/" + strconv.FormatInt(c.ID, 10) }

// value returns the shown value, or "" where there is none.
func (c configuration) value() string { return deref(c.Value) }

// entry is one version as the history shows it.
type entry struct {
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

// listing and timeline are pages.
type listing struct {
	Configurations []configuration `json:"configurations"`
	Total          int             `json:"total"`
	Limit          int             `json:"limit"`
	Offset         int             `json:"offset"`
}

type timeline struct {
	History []entry `json:"history"`
	Total   int     `json:"total"`
	Limit   int     `json:"limit"`
	Offset  int     `json:"offset"`
}

// draft is what a creation sends; what is empty is not sent.
type draft struct {
	Key         string  `json:"key,omitempty"`
	Value       string  `json:"value"`
	Environment string  `json:"environment,omitempty"`
	ServiceName string  `json:"service_name,omitempty"`
	Description *string `json:"description,omitempty"`
	IsEncrypted bool    `json:"is_encrypted,omitempty"`
}

func deref(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
