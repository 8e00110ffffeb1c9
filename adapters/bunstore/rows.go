package bunstore

import (
	"context"
	"database/sql/driver"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// timestamp is a time as both databases take it: text of one width, in UTC.
type timestamp struct{ time.Time } //nolint:recvcheck // Value is for values, Scan for pointers, by database/sql

const timestampFormat = "2006-01-02T15:04:05.000000Z"

// Value returns the text, or NULL for the zero time.
func (t timestamp) Value() (driver.Value, error) {
	if t.IsZero() {
		return nil, nil //nolint:nilnil // NULL is the value
	}
	return t.UTC().Format(timestampFormat), nil
}

// Scan reads what either driver returns.
func (t *timestamp) Scan(source any) error {
	switch v := source.(type) {
	case nil:
		t.Time = time.Time{}
	case time.Time:
		t.Time = v.UTC()
	case string:
		parsed, err := time.Parse(timestampFormat, v)
		if err != nil {
			return fmt.Errorf("read a time: %w", err)
		}
		t.Time = parsed
	case []byte:
		return t.Scan(string(v))
	default:
		return fmt.Errorf("read a time: %T is none", source)
	}
	return nil
}

// row is what a table holds of a T.
type row[T any] interface{ rehydrate() (T, error) }

// one returns what the first row of a query holds, or absent without a row.
func one[R row[T], T any](ctx context.Context, q *bun.SelectQuery, doing string, absent error) (T, error) {
	var (
		rows []R
		none T
	)
	if err := q.Model(&rows).Limit(1).Scan(ctx); err != nil {
		return none, translate(err, doing, nil)
	}
	if len(rows) == 0 {
		return none, absent
	}
	return rows[0].rehydrate()
}

// rehydrated returns what rows hold, or nothing where one of them breaks a rule.
func rehydrated[R row[T], T any](rows []R) ([]T, error) {
	list := make([]T, len(rows))
	for i, r := range rows {
		var err error
		if list[i], err = r.rehydrate(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

type configurationRow struct {
	bun.BaseModel `bun:"table:configurations,alias:c"`

	ID           int64 `bun:",pk,autoincrement"`
	Key          string
	Value        string
	Environment  string
	ServiceName  string
	Description  *string
	IsEncrypted  bool
	Version      int64
	CreatedAt    timestamp
	UpdatedAt    timestamp
	UpdatedBy    string
	UpdatedByKey string
	IsDeleted    bool
	LastEventID  *string
}

func rowOfState(s configuration.State) configurationRow {
	return configurationRow{
		ID:           int64(s.ID),
		Key:          s.Identity.Key.String(),
		Value:        s.Content.Stored().Reveal(),
		Environment:  s.Identity.Environment.String(),
		ServiceName:  s.Identity.Service.String(),
		Description:  optional(s.Description),
		IsEncrypted:  s.Content.Encrypted(),
		Version:      int64(s.Version),
		CreatedAt:    timestamp{s.CreatedAt},
		UpdatedAt:    timestamp{s.UpdatedAt},
		UpdatedBy:    s.UpdatedBy.String(),
		UpdatedByKey: s.UpdatedBy.KeyID,
		IsDeleted:    s.Deleted,
		LastEventID:  textOrNull(s.Event),
	}
}

// rehydrate checks again what the domain promises of a row.
func (r configurationRow) rehydrate() (*configuration.Configuration, error) {
	key, keyErr := configuration.ParseKey(r.Key)
	environment, envErr := scope.ParseEnvironment(r.Environment)
	service, svcErr := scope.ParseServiceName(r.ServiceName)
	description, descriptionErr := describe(r.Description)
	for _, err := range []error{keyErr, envErr, svcErr, descriptionErr} {
		if err != nil {
			return nil, fmt.Errorf("configuration %d as stored breaks a rule: %s", r.ID, err.Error())
		}
	}
	return configuration.Rehydrate(configuration.State{
		ID:          configuration.ID(r.ID),
		Identity:    configuration.Identity{Environment: environment, Service: service, Key: key},
		Content:     configuration.RehydrateContent(r.Value, r.IsEncrypted),
		Description: description,
		Lifecycle: scope.Lifecycle{
			Version: scope.Version(r.Version), CreatedAt: r.CreatedAt.Time, UpdatedAt: r.UpdatedAt.Time,
			UpdatedBy: actor(r.UpdatedByKey, r.UpdatedBy), Deleted: r.IsDeleted,
			Event: textOf(r.LastEventID),
		},
	}), nil
}

type historyRow struct {
	bun.BaseModel `bun:"table:configuration_history,alias:h"`

	ID              int64 `bun:",pk,autoincrement"`
	ConfigurationID int64
	Version         int64
	Action          string
	OldValue        *string
	OldEncrypted    bool
	NewValue        *string
	NewEncrypted    bool
	Description     *string
	IsEncrypted     bool
	ChangedBy       string
	ChangedByKey    string
	ChangedAt       timestamp
	RequestID       string
}

func rowOfEntry(e configuration.HistoryEntry, id configuration.ID) historyRow {
	return historyRow{
		ID:              e.ID,
		ConfigurationID: int64(id),
		Version:         int64(e.Version),
		Action:          e.Action.String(),
		OldValue:        stored(e.Old),
		OldEncrypted:    e.Old.Encrypted(),
		NewValue:        stored(e.New),
		NewEncrypted:    e.New.Encrypted(),
		Description:     optional(e.Description),
		IsEncrypted:     e.Encrypted,
		ChangedBy:       e.Stamp.By.String(),
		ChangedByKey:    e.Stamp.By.KeyID,
		ChangedAt:       timestamp{e.Stamp.At},
		RequestID:       e.Stamp.RequestID,
	}
}

func (r historyRow) rehydrate() (configuration.HistoryEntry, error) {
	action, actionErr := scope.ParseAction(r.Action)
	description, descriptionErr := describe(r.Description)
	for _, err := range []error{actionErr, descriptionErr} {
		if err != nil {
			return configuration.HistoryEntry{},
				fmt.Errorf("history entry %d as stored breaks a rule: %s", r.ID, err.Error())
		}
	}
	return configuration.HistoryEntry{
		ID:              r.ID,
		ConfigurationID: configuration.ID(r.ConfigurationID),
		Version:         configuration.Version(r.Version),
		Action:          action,
		Old:             content(r.OldValue, r.OldEncrypted),
		New:             content(r.NewValue, r.NewEncrypted),
		Description:     description,
		Encrypted:       r.IsEncrypted,
		Stamp: scope.Stamp{
			By: actor(r.ChangedByKey, r.ChangedBy), At: r.ChangedAt.Time, RequestID: r.RequestID,
		},
	}, nil
}

func optional(d configuration.Description) *string {
	if text, given := d.Text(); given {
		return &text
	}
	return nil
}

func describe(text *string) (configuration.Description, error) {
	if text == nil {
		return configuration.Description{}, nil
	}
	return configuration.ParseDescription(*text)
}

func stored(c configuration.Content) *string {
	if c.IsZero() {
		return nil
	}
	text := c.Stored().Reveal()
	return &text
}

func content(text *string, encrypted bool) configuration.Content {
	if text == nil {
		return configuration.Content{}
	}
	return configuration.RehydrateContent(*text, encrypted)
}

func actor(keyID, name string) scope.Actor {
	if keyID == "" {
		return scope.Actor{}
	}
	return scope.Actor{KeyID: keyID, Name: name}
}
