package configstore

import (
	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/column"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

type configurationRow struct {
	bun.BaseModel `bun:"table:configurations,alias:c"`

	ID          int64  `bun:",pk" store:"ids=configuration_ids"`
	Key         string `store:"identity"`
	Environment string `store:"identity"`
	ServiceName string `store:"identity"`
	Value       string
	Description *string
	IsEncrypted bool
	TokenKey    *string
	TokenMac    *string
	CreatedAt   column.Timestamp `store:"insert"`
	bunstore.LifecycleColumns
}

func stateRow(c *configuration.Configuration, event string) (configurationRow, error) {
	s := c.State()
	seal := sealColumns(s.Content)
	return configurationRow{
		ID:               int64(s.ID),
		Key:              s.Identity.Key.String(),
		Environment:      s.Identity.Environment.String(),
		ServiceName:      s.Identity.Service.String(),
		Value:            s.Content.Stored().Reveal(),
		Description:      column.Description(s.Description),
		IsEncrypted:      s.Content.Encrypted(),
		TokenKey:         seal.key,
		TokenMac:         seal.mac,
		CreatedAt:        column.Time(s.CreatedAt),
		LifecycleColumns: bunstore.ColumnsOf(s.Lifecycle, event),
	}, nil
}

// RowKey identifies the row.
func (r configurationRow) RowKey() bunstore.RowKey { return bunstore.KeyOf("configurations", r.ID) }

// Rehydrate checks the domain's rules again.
func (r configurationRow) Rehydrate(unread error) (*configuration.Configuration, error) {
	key, keyErr := configuration.ParseKey(r.Key)
	environment, envErr := scope.ParseEnvironment(r.Environment)
	service, svcErr := scope.ParseServiceName(r.ServiceName)
	description, descriptionErr := column.ParseDescription(r.Description)
	s := configuration.State{
		ID:          configuration.ID(r.ID),
		Identity:    configuration.Identity{Environment: environment, Service: service, Key: key},
		Content:     contentOf(&r.Value, r.IsEncrypted, seal{r.TokenKey, r.TokenMac}, r.Version),
		Description: description,
		Lifecycle:   r.Lifecycle(r.CreatedAt),
	}
	err := r.CheckState(r.RowKey(), r.CreatedAt, unread, keyErr, envErr, svcErr, descriptionErr,
		column.CheckText("value", r.Value))
	if err != nil {
		s.Content, s.Description = configuration.Content{}, configuration.Description{}
		s.Identity = configuration.Identity{
			Environment: scope.RehydrateEnvironment(column.Printable(r.Environment)),
			Service:     scope.RehydrateServiceName(column.Printable(r.ServiceName)),
			Key:         configuration.RehydrateKey(column.Printable(r.Key)),
		}
		bunstore.MarkDamaged(&s.Lifecycle)
	}
	return configuration.Rehydrate(s), err
}

type entryRow struct {
	bun.BaseModel `bun:"table:configuration_history,alias:h"`

	bunstore.EntryColumns

	ConfigurationID int64 `store:"aggregate"`
	OldValue        *string
	OldEncrypted    bool
	OldTokenKey     *string
	OldTokenMac     *string
	NewValue        *string
	NewEncrypted    bool
	NewTokenKey     *string
	NewTokenMac     *string
	Description     *string
	IsEncrypted     bool
}

func rowOfEntry(e configuration.HistoryEntry, id configuration.ID) entryRow {
	before, after := sealColumns(e.Old), sealColumns(e.New)
	return entryRow{
		EntryColumns:    bunstore.EntryColumnsOf(e.Entry),
		ConfigurationID: int64(id),
		OldValue:        contentColumn(e.Old),
		OldEncrypted:    e.Old.Encrypted(),
		OldTokenKey:     before.key,
		OldTokenMac:     before.mac,
		NewValue:        contentColumn(e.New),
		NewEncrypted:    e.New.Encrypted(),
		NewTokenKey:     after.key,
		NewTokenMac:     after.mac,
		Description:     column.Description(e.Description),
		IsEncrypted:     e.Encrypted,
	}
}

// RowKey identifies the row.
func (r entryRow) RowKey() bunstore.RowKey { return bunstore.KeyOf("configuration_history", r.ID) }

// Rehydrate checks the domain's rules again.
func (r entryRow) Rehydrate(unread error) (configuration.HistoryEntry, error) {
	description, descriptionErr := column.ParseDescription(r.Description)
	made, err := bunstore.EntryOf[configuration.ID](r.EntryColumns, r.ConfigurationID, r.RowKey(), unread,
		descriptionErr, column.CheckText("value", column.Text(r.OldValue), column.Text(r.NewValue)))
	if err != nil {
		return configuration.HistoryEntry{Entry: made}, err
	}
	before, after := r.contents()
	return configuration.HistoryEntry{
		Entry: made, Description: description, Encrypted: r.IsEncrypted, Old: before, New: after,
	}, nil
}

// contents returns the contents before and after the version.
func (r entryRow) contents() (before, after configuration.Content) {
	return contentOf(r.OldValue, r.OldEncrypted, seal{r.OldTokenKey, r.OldTokenMac}, r.Version-1),
		contentOf(r.NewValue, r.NewEncrypted, seal{r.NewTokenKey, r.NewTokenMac}, r.Version)
}

// seal is what binds a token to its row, as columns.
type seal struct{ key, mac *string }

func sealColumns(c configuration.Content) seal {
	s := c.Seal()
	return seal{key: column.Nullable(s.Key), mac: column.Nullable(s.MAC)}
}

// contentColumn returns the column of a content, NULL for none.
func contentColumn(c configuration.Content) *string {
	if c.IsZero() {
		return nil
	}
	text := c.Stored().Reveal()
	return &text
}

// contentOf returns the content of a version.
func contentOf(text *string, encrypted bool, s seal, version int64) configuration.Content {
	switch {
	case text == nil:
		return configuration.Content{}
	case encrypted:
		recorded := configuration.Seal{Key: column.Text(s.key), MAC: column.Text(s.mac)}
		return configuration.RehydrateSealed(*text, recorded, scope.Version(version))
	}
	return configuration.RehydrateContent(*text, false)
}
