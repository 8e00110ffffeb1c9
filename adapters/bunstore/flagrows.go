package bunstore

import (
	"encoding/json"
	"fmt"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/versioned"
)

type flagRow struct {
	bun.BaseModel `bun:"table:feature_flags,alias:f"`

	ID                int64 `bun:",pk,autoincrement"`
	Name              string
	Description       *string
	IsEnabled         bool
	RolloutPercentage string
	// TargetUsers is an array on PostgreSQL and JSON on SQLite.
	TargetUsers  any
	Environment  string
	CreatedAt    timestamp
	UpdatedAt    timestamp
	Definition   string
	Version      int64
	UpdatedBy    string
	UpdatedByKey string
	IsDeleted    bool
	LastEventID  *string
}

// flagColumns are those that are read: the ones that repeat parts of the
// definition are for others.
func flagColumns() []string {
	return []string{
		"id", "name", "description", "environment", "created_at", "updated_at", "definition", "version",
		"updated_by", "updated_by_key", "is_deleted", "last_event_id",
	}
}

// rowOfFlag returns the row of a state. Of a damaged one only what stands is known.
func (d dialect) rowOfFlag(s flag.State) (flagRow, error) {
	if s.Damaged {
		return flagRow{
			ID: int64(s.ID), UpdatedAt: timed(s.UpdatedAt), Version: int64(s.Version), UpdatedBy: s.UpdatedBy.String(),
			UpdatedByKey: s.UpdatedBy.KeyID, IsDeleted: s.Deleted, LastEventID: textOrNull(s.Event),
		}, nil
	}
	users, err := d.list(s.Definition.Targets())
	return flagRow{
		ID:                int64(s.ID),
		Name:              s.Identity.Name.String(),
		Description:       optional(s.Description),
		IsEnabled:         s.Definition.Enabled(),
		RolloutPercentage: flag.Percentage(s.Definition.RolloutPercentage()),
		TargetUsers:       users,
		Environment:       s.Identity.Environment.String(),
		CreatedAt:         timed(s.CreatedAt),
		UpdatedAt:         timed(s.UpdatedAt),
		Definition:        s.Definition.JSON(),
		Version:           int64(s.Version),
		UpdatedBy:         s.UpdatedBy.String(),
		UpdatedByKey:      s.UpdatedBy.KeyID,
		IsDeleted:         s.Deleted,
		LastEventID:       textOrNull(s.Event),
	}, err
}

// list returns texts as the dialect keeps them.
func (d dialect) list(texts []string) (any, error) {
	if texts == nil {
		texts = []string{}
	}
	if d == postgres {
		return pgdialect.Array(texts), nil
	}
	encoded, err := json.Marshal(texts)
	if err != nil {
		return nil, fmt.Errorf("encode a list: %w", err)
	}
	return string(encoded), nil
}

func (r flagRow) at() place { return numbered("feature_flags", r.ID) }

// rehydrate checks again what the domain promises of a row.
func (r flagRow) rehydrate(unread error) (*flag.Flag, error) {
	name, nameErr := flag.ParseName(r.Name)
	environment, envErr := scope.ParseEnvironment(r.Environment)
	draft, draftErr := rehydrateDraft(&r.Definition, r.Description)
	s := flag.State{
		ID:       flag.ID(r.ID),
		Identity: flag.Identity{Environment: environment, Name: name},
		Lifecycle: scope.Lifecycle{
			Version: scope.Version(r.Version), CreatedAt: r.CreatedAt.Time, UpdatedAt: r.UpdatedAt.Time,
			UpdatedBy: actor(r.UpdatedByKey, r.UpdatedBy), Deleted: r.IsDeleted,
			Event: textOf(r.LastEventID),
		},
	}
	err := damagedBy(r.at(), r.IsDeleted, unread, nameErr, envErr, draftErr,
		textErr("updated_by", r.UpdatedBy, r.UpdatedByKey), timeErr(r.CreatedAt, r.UpdatedAt),
		countErr("version", r.Version))
	if err == nil {
		s.Draft = *draft
		return flag.Rehydrate(s), nil
	}
	s.Identity = flag.Identity{
		Environment: scope.RehydrateEnvironment(shown(r.Environment)), Name: flag.RehydrateName(shown(r.Name)),
	}
	markDamaged(&s.Lifecycle)
	return flag.Rehydrate(s), err
}

// rehydrateDraft returns nil where there is no definition.
func rehydrateDraft(definition, description *string) (*flag.Draft, error) {
	if definition == nil {
		return nil, nil //nolint:nilnil // no definition is no draft
	}
	d, err := flag.RehydrateDefinition([]byte(*definition))
	if err != nil {
		return nil, err
	}
	text, err := describe(description)
	return &flag.Draft{Definition: d, Description: text}, err
}

type flagEntryRow struct {
	bun.BaseModel `bun:"table:feature_flag_history,alias:fh"`

	ID             int64 `bun:",pk,autoincrement"`
	FlagID         int64
	Version        int64
	Action         string
	OldDefinition  *string
	OldDescription *string
	NewDefinition  *string
	NewDescription *string
	ChangedBy      string
	ChangedByKey   string
	ChangedAt      timestamp
	RequestID      string
}

func rowOfFlagEntry(e flag.HistoryEntry, id int64) flagEntryRow {
	row := flagEntryRow{
		ID:           e.ID,
		FlagID:       id,
		Version:      int64(e.Version),
		Action:       e.Action.String(),
		ChangedBy:    e.Stamp.By.String(),
		ChangedByKey: e.Stamp.By.KeyID,
		ChangedAt:    timed(e.Stamp.At),
		RequestID:    e.Stamp.RequestID,
	}
	row.OldDefinition, row.OldDescription = draftColumns(e.Old)
	row.NewDefinition, row.NewDescription = draftColumns(e.New)
	return row
}

func draftColumns(d *flag.Draft) (definition, description *string) {
	if d == nil {
		return nil, nil
	}
	text := d.Definition.JSON()
	return &text, optional(d.Description)
}

func (r flagEntryRow) at() place { return numbered("feature_flag_history", r.ID) }

func (r flagEntryRow) rehydrate(unread error) (flag.HistoryEntry, error) {
	action, actionErr := scope.ParseAction(r.Action)
	before, oldErr := rehydrateDraft(r.OldDefinition, r.OldDescription)
	after, newErr := rehydrateDraft(r.NewDefinition, r.NewDescription)
	err := damagedBy(r.at(), false, unread, actionErr, oldErr, newErr,
		textErr("changed_by", r.ChangedBy, r.ChangedByKey, r.RequestID), timeErr(r.ChangedAt))
	entry := flag.HistoryEntry{Entry: versioned.Entry[flag.ID]{
		ID: r.ID, AggregateID: flag.ID(r.FlagID), Version: scope.Version(r.Version), Damaged: err != nil,
	}}
	if err != nil {
		return entry, err
	}
	entry.Action, entry.Old, entry.New = action, before, after
	entry.Stamp = scope.Stamp{By: actor(r.ChangedByKey, r.ChangedBy), At: r.ChangedAt.Time, RequestID: r.RequestID}
	return entry, nil
}
