package flagstore

import (
	"encoding/json"
	"fmt"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/column"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// flagRow is a flag. The columns that are not read repeat parts of the definition for
// readers of the original table.
type flagRow struct {
	bun.BaseModel `bun:"table:feature_flags,alias:f"`

	ID                int64  `bun:",pk" store:"ids=feature_flag_ids"`
	Name              string `store:"identity"`
	Environment       string `store:"identity"`
	Description       *string
	IsEnabled         bool   `store:"unread"`
	RolloutPercentage string `store:"unread"`
	// TargetUsers is an array on PostgreSQL and JSON on SQLite.
	TargetUsers any              `store:"unread"`
	CreatedAt   column.Timestamp `store:"insert"`
	Definition  string           `store:"jsonb"`
	bunstore.LifecycleColumns
}

// stateRow returns what makes rows of flags. Of a damaged flag only the lifecycle is
// known.
func stateRow(d bunstore.Dialect) func(*flag.Flag, string) (flagRow, error) {
	return func(f *flag.Flag, event string) (flagRow, error) {
		s := f.State()
		row := flagRow{ID: int64(s.ID), LifecycleColumns: bunstore.ColumnsOf(s.Lifecycle, event)}
		if s.Damaged {
			return row, nil
		}
		users, err := textList(d, s.Definition.Targets())
		row.Name, row.Environment = s.Identity.Name.String(), s.Identity.Environment.String()
		row.Description = column.Description(s.Description)
		row.IsEnabled = s.Definition.Enabled()
		row.RolloutPercentage = flag.Percentage(s.Definition.RolloutPercentage())
		row.TargetUsers = users
		row.CreatedAt = column.Time(s.CreatedAt)
		row.Definition = s.Definition.JSON()
		return row, err
	}
}

// textList returns the column of a list of texts.
func textList(d bunstore.Dialect, texts []string) (any, error) {
	if texts == nil {
		texts = []string{}
	}
	if d == bunstore.Postgres {
		return pgdialect.Array(texts), nil
	}
	encoded, err := json.Marshal(texts)
	if err != nil {
		return nil, fmt.Errorf("encode a list: %w", err)
	}
	return string(encoded), nil
}

// RowKey identifies the row.
func (r flagRow) RowKey() bunstore.RowKey { return bunstore.KeyOf("feature_flags", r.ID) }

// Rehydrate checks the domain's rules again.
func (r flagRow) Rehydrate(unread error) (*flag.Flag, error) {
	name, nameErr := flag.ParseName(r.Name)
	environment, envErr := scope.ParseEnvironment(r.Environment)
	draft, draftErr := rehydrateDraft(&r.Definition, r.Description)
	s := flag.State{
		ID:        flag.ID(r.ID),
		Identity:  flag.Identity{Environment: environment, Name: name},
		Lifecycle: r.Lifecycle(r.CreatedAt),
	}
	err := r.CheckState(r.RowKey(), r.CreatedAt, unread, nameErr, envErr, draftErr)
	if err == nil {
		s.Draft = *draft
		return flag.Rehydrate(s), nil
	}
	s.Identity = flag.Identity{
		Environment: scope.RehydrateEnvironment(column.Printable(r.Environment)),
		Name:        flag.RehydrateName(column.Printable(r.Name)),
	}
	bunstore.MarkDamaged(&s.Lifecycle)
	return flag.Rehydrate(s), err
}

// rehydrateDraft returns the draft of two columns, nil without a definition.
func rehydrateDraft(definition, description *string) (*flag.Draft, error) {
	if definition == nil {
		return nil, nil //nolint:nilnil // no definition is no draft
	}
	d, err := flag.RehydrateDefinition([]byte(*definition))
	if err != nil {
		return nil, err
	}
	text, err := column.ParseDescription(description)
	return &flag.Draft{Definition: d, Description: text}, err
}

type entryRow struct {
	bun.BaseModel `bun:"table:feature_flag_history,alias:fh"`

	bunstore.EntryColumns

	FlagID         int64   `store:"aggregate"`
	OldDefinition  *string `store:"jsonb"`
	OldDescription *string
	NewDefinition  *string `store:"jsonb"`
	NewDescription *string
}

func rowOfEntry(e flag.HistoryEntry, id flag.ID) entryRow {
	row := entryRow{EntryColumns: bunstore.EntryColumnsOf(e.Entry), FlagID: int64(id)}
	row.OldDefinition, row.OldDescription = draftColumns(e.Old)
	row.NewDefinition, row.NewDescription = draftColumns(e.New)
	return row
}

func draftColumns(d *flag.Draft) (definition, description *string) {
	if d == nil {
		return nil, nil
	}
	text := d.Definition.JSON()
	return &text, column.Description(d.Description)
}

// RowKey identifies the row.
func (r entryRow) RowKey() bunstore.RowKey { return bunstore.KeyOf("feature_flag_history", r.ID) }

// Rehydrate checks the domain's rules again.
func (r entryRow) Rehydrate(unread error) (flag.HistoryEntry, error) {
	before, oldErr := rehydrateDraft(r.OldDefinition, r.OldDescription)
	after, newErr := rehydrateDraft(r.NewDefinition, r.NewDescription)
	made, err := bunstore.EntryOf[flag.ID](r.EntryColumns, r.FlagID, r.RowKey(), unread, oldErr, newErr)
	if err != nil {
		return flag.HistoryEntry{Entry: made}, err
	}
	return flag.HistoryEntry{Entry: made, Old: before, New: after}, nil
}
