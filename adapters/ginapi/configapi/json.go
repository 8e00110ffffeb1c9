package configapi

import (
	"fmt"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
	"github.com/signalbox-hq/signalbox/application/configapp"
	"github.com/signalbox-hq/signalbox/domain/configuration"
)

// configurationJSON is a configuration as one caller sees it. A value that is
// not shown is left out: a string in its place could be written back by a tool.
type configurationJSON struct {
	ID            int64   `json:"id" doc:"Immutable numeric id"`
	Key           string  `json:"key"`
	Value         *string `json:"value,omitzero" nullable:"false" doc:"Left out where it is not revealed, or damaged"`
	ValueRedacted bool    `json:"value_redacted,omitzero" doc:"True where value is left out"`
	Environment   string  `json:"environment"`
	ServiceName   string  `json:"service_name"`
	Description   *string `json:"description"`
	IsEncrypted   bool    `json:"is_encrypted"`
	Version       int64   `json:"version" doc:"Counts every change from 1"`
	CreatedAt     string  `json:"created_at" format:"date-time"`
	UpdatedAt     string  `json:"updated_at" format:"date-time"`
	UpdatedBy     string  `json:"updated_by" doc:"The name of the API key, or anonymous"`
	Deleted       bool    `json:"deleted,omitzero" doc:"True in lists of deleted ones"`
	Damaged       bool    `json:"damaged,omitzero" doc:"True where the stored row cannot be read; it can be deleted"`
}

func represent(v configapp.View) configurationJSON {
	shown := configurationJSON{
		ID:          int64(v.ID),
		Key:         v.Identity.Key.String(),
		Environment: v.Identity.Environment.String(),
		ServiceName: v.Identity.Service.String(),
		Description: optional(v.Description),
		IsEncrypted: v.Content.Encrypted(),
		Version:     int64(v.Version),
		CreatedAt:   rest.Time(v.CreatedAt),
		UpdatedAt:   rest.Time(v.UpdatedAt),
		UpdatedBy:   v.UpdatedBy.String(),
		Deleted:     v.Deleted,
		Damaged:     v.Damaged,
	}
	if value, ok := v.Value(); ok {
		text := value.Reveal()
		shown.Value = &text
	}
	shown.ValueRedacted = shown.Value == nil
	return shown
}

// optional returns a description, or nil for none.
func optional(d configuration.Description) *string {
	if text, given := d.Text(); given {
		return &text
	}
	return nil
}

// entryJSON is one version of a configuration's history.
type entryJSON struct {
	ID              int64     `json:"id"`
	ConfigurationID int64     `json:"configuration_id"`
	Version         int64     `json:"version"`
	Action          string    `json:"action" enum:"create,update,rollback,delete,unknown" doc:"unknown if damaged"`
	OldValue        entryText `json:"old_value,omitzero" doc:"Value before, or null; left out where encrypted"`
	NewValue        entryText `json:"new_value,omitzero" doc:"Value after, or null; left out where encrypted"`
	ValueRedacted   bool      `json:"value_redacted,omitzero" doc:"True where a value is left out"`
	Description     *string   `json:"description"`
	IsEncrypted     bool      `json:"is_encrypted"`
	ChangedBy       string    `json:"changed_by" doc:"The name of the API key, or anonymous"`
	ChangedByKeyID  *string   `json:"changed_by_key_id"`
	ChangedAt       string    `json:"changed_at" format:"date-time"`
	RequestID       string    `json:"request_id"`
	Damaged         bool      `json:"damaged,omitzero" doc:"True where the stored row cannot be read"`
}

func representEntry(e configuration.HistoryEntry) entryJSON {
	shown := entryJSON{
		ID:              e.ID,
		ConfigurationID: int64(e.AggregateID),
		Version:         int64(e.Version),
		Action:          e.Action.String(),
		OldValue:        entryText{e.Old},
		NewValue:        entryText{e.New},
		ValueRedacted:   e.Old.Encrypted() || e.New.Encrypted(),
		Description:     optional(e.Description),
		IsEncrypted:     e.Encrypted,
		ChangedBy:       e.Stamp.By.String(),
		ChangedAt:       rest.Time(e.Stamp.At),
		RequestID:       e.Stamp.RequestID,
		Damaged:         e.Damaged,
	}
	if id := e.Stamp.By.KeyID; id != "" {
		shown.ChangedByKeyID = &id
	}
	return shown
}

// entryText is a value in a history: a string, null where there is none, and left
// out (omitzero) where it is encrypted.
type entryText struct{ content configuration.Content }

// IsZero reports whether the value is left out.
func (t entryText) IsZero() bool { return t.content.Encrypted() }

// MarshalJSON returns the value as a JSON string, or null for none.
func (t entryText) MarshalJSON() ([]byte, error) {
	if t.content.IsZero() || t.IsZero() {
		return []byte("null"), nil
	}
	text, err := json.Marshal(t.content.Stored().Reveal())
	if err != nil {
		return nil, fmt.Errorf("encode a value: %w", err)
	}
	return text, nil
}

// Schema returns how the document describes the value.
func (entryText) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Nullable: true}
}
