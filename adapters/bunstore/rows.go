package bunstore

import (
	"database/sql/driver"
	"time"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/versioned"
)

// timestamp is a time as both databases take it: text of one width, in UTC.
type timestamp struct { //nolint:recvcheck // Value is for values, Scan for pointers, by database/sql
	time.Time
	// broken says that what was read is no time.
	broken bool
}

func timed(t time.Time) timestamp { return timestamp{Time: t} }

const timestampFormat = "2006-01-02T15:04:05.000000Z"

// Value returns the text, or NULL for the zero time.
func (t timestamp) Value() (driver.Value, error) {
	if t.IsZero() {
		return nil, nil //nolint:nilnil // NULL is the value
	}
	return t.UTC().Format(timestampFormat), nil
}

// Scan reads what either driver returns. What is no time is broken, and costs its
// own row alone.
func (t *timestamp) Scan(source any) error {
	*t = timestamp{}
	switch v := source.(type) {
	case nil:
	case time.Time:
		t.Time = v.UTC()
	case string:
		t.parse(v)
	case []byte:
		t.parse(string(v))
	default:
		t.broken = true
	}
	return nil
}

func (t *timestamp) parse(text string) {
	parsed, err := time.Parse(timestampFormat, text)
	t.Time, t.broken = parsed, err != nil
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
		CreatedAt:    timed(s.CreatedAt),
		UpdatedAt:    timed(s.UpdatedAt),
		UpdatedBy:    s.UpdatedBy.String(),
		UpdatedByKey: s.UpdatedBy.KeyID,
		IsDeleted:    s.Deleted,
		LastEventID:  textOrNull(s.Event),
	}
}

func (r configurationRow) at() place { return numbered("configurations", r.ID) }

// rehydrate checks again what the domain promises of a row.
func (r configurationRow) rehydrate(unread error) (*configuration.Configuration, error) {
	key, keyErr := configuration.ParseKey(r.Key)
	environment, envErr := scope.ParseEnvironment(r.Environment)
	service, svcErr := scope.ParseServiceName(r.ServiceName)
	description, descriptionErr := describe(r.Description)
	s := configuration.State{
		ID:          configuration.ID(r.ID),
		Identity:    configuration.Identity{Environment: environment, Service: service, Key: key},
		Content:     configuration.RehydrateContent(r.Value, r.IsEncrypted),
		Description: description,
		Lifecycle: scope.Lifecycle{
			Version: scope.Version(r.Version), CreatedAt: r.CreatedAt.Time, UpdatedAt: r.UpdatedAt.Time,
			UpdatedBy: actor(r.UpdatedByKey, r.UpdatedBy), Deleted: r.IsDeleted,
			Event: textOf(r.LastEventID),
		},
	}
	err := damagedBy(r.at(), r.IsDeleted, unread, keyErr, envErr, svcErr, descriptionErr, textErr("value", r.Value),
		textErr("updated_by", r.UpdatedBy, r.UpdatedByKey), timeErr(r.CreatedAt, r.UpdatedAt),
		countErr("version", r.Version))
	if err != nil {
		s.Content, s.Description = configuration.Content{}, configuration.Description{}
		s.Identity = configuration.Identity{
			Environment: scope.RehydrateEnvironment(shown(r.Environment)),
			Service:     scope.RehydrateServiceName(shown(r.ServiceName)),
			Key:         configuration.RehydrateKey(shown(r.Key)),
		}
		markDamaged(&s.Lifecycle)
	}
	return configuration.Rehydrate(s), err
}

// markDamaged marks what stands of a row that breaks a rule, and makes it such that it
// can be shown.
func markDamaged(l *scope.Lifecycle) {
	l.Damaged = true
	l.UpdatedBy.Name, l.UpdatedBy.KeyID = shown(l.UpdatedBy.Name), shown(l.UpdatedBy.KeyID)
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
		ChangedAt:       timed(e.Stamp.At),
		RequestID:       e.Stamp.RequestID,
	}
}

func (r historyRow) at() place { return numbered("configuration_history", r.ID) }

func (r historyRow) rehydrate(unread error) (configuration.HistoryEntry, error) {
	action, actionErr := scope.ParseAction(r.Action)
	description, descriptionErr := describe(r.Description)
	err := damagedBy(r.at(), false, unread, actionErr, descriptionErr,
		textErr("value", texts(r.OldValue, r.NewValue)...),
		textErr("changed_by", r.ChangedBy, r.ChangedByKey, r.RequestID), timeErr(r.ChangedAt))
	entry := configuration.HistoryEntry{Entry: versioned.Entry[configuration.ID]{
		ID: r.ID, AggregateID: configuration.ID(r.ConfigurationID), Version: scope.Version(r.Version), Damaged: err != nil,
	}}
	if err != nil {
		return entry, err
	}
	entry.Action, entry.Description, entry.Encrypted = action, description, r.IsEncrypted
	entry.Old, entry.New = content(r.OldValue, r.OldEncrypted), content(r.NewValue, r.NewEncrypted)
	entry.Stamp = scope.Stamp{By: actor(r.ChangedByKey, r.ChangedBy), At: r.ChangedAt.Time, RequestID: r.RequestID}
	return entry, nil
}

// texts returns those that there are.
func texts(columns ...*string) []string {
	var list []string
	for _, c := range columns {
		if c != nil {
			list = append(list, *c)
		}
	}
	return list
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
