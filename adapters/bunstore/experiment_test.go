package bunstore_test

import (
	"context"
	"errors"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/column"
	"github.com/signalbox-hq/signalbox/domain/event"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/versioned"
)

// A module from outside: a versioned aggregate with a goal.

type experimentID int64

type experimentEntry struct {
	versioned.Entry[experimentID]
	Goal string
}

type experiment struct {
	versioned.Root[experimentID, experimentEntry]
	name, goal string
}

// Identity returns the name.
func (e *experiment) Identity() string { return e.name }

var errNoExperiment = errors.New("no such experiment")

func (e *experiment) change(action scope.Action, goal string, stamp scope.Stamp) {
	made := e.Next(action, stamp)
	e.goal = goal
	e.AddEntry(experimentEntry{Entry: made, Goal: goal})
	e.Record(experimentChanged{event.Envelope{
		Type: "experiment." + action.String() + "d", AggregateType: "experiment",
		AggregateVersion: int64(made.Version), Environment: "production", Stamp: made.Stamp,
	}})
}

func newExperiment(name, goal string, stamp scope.Stamp) *experiment {
	e := &experiment{name: name}
	e.change(scope.ActionCreate, goal, stamp)
	return e
}

type experimentChanged struct{ envelope event.Envelope }

func (e experimentChanged) Envelope() event.Envelope { return e.envelope }

// The module's repository.

type experimentRow struct {
	bun.BaseModel `bun:"table:experiments,alias:e"`

	ID        int64  `bun:",pk" store:"ids=experiment_ids"`
	Name      string `store:"identity"`
	Goal      string
	CreatedAt column.Timestamp `store:"insert"`
	bunstore.LifecycleColumns
}

func rowOfExperiment(e *experiment, event string) (experimentRow, error) {
	return experimentRow{
		ID: int64(e.ID()), Name: e.name, Goal: e.goal, CreatedAt: column.Time(e.Lifecycle().CreatedAt),
		LifecycleColumns: bunstore.ColumnsOf(e.Lifecycle(), event),
	}, nil
}

func (r experimentRow) RowKey() bunstore.RowKey { return bunstore.KeyOf("experiments", r.ID) }

func (r experimentRow) Rehydrate(unread error) (*experiment, error) {
	l := r.Lifecycle(r.CreatedAt)
	err := r.CheckState(r.RowKey(), r.CreatedAt, unread, column.CheckText("goal", r.Goal))
	if err != nil {
		bunstore.MarkDamaged(&l)
	}
	root := versioned.Rehydrate[experimentID, experimentEntry](experimentID(r.ID), l)
	return &experiment{Root: root, name: r.Name, goal: r.Goal}, err
}

type experimentEntryRow struct {
	bun.BaseModel `bun:"table:experiment_history,alias:eh"`

	bunstore.EntryColumns

	ExperimentID int64 `store:"aggregate"`
	Goal         string
}

func rowOfExperimentEntry(e experimentEntry, id experimentID) experimentEntryRow {
	return experimentEntryRow{
		EntryColumns: bunstore.EntryColumnsOf(e.Entry), ExperimentID: int64(id), Goal: e.Goal,
	}
}

func (r experimentEntryRow) RowKey() bunstore.RowKey {
	return bunstore.KeyOf("experiment_history", r.ID)
}

func (r experimentEntryRow) Rehydrate(unread error) (experimentEntry, error) {
	made, err := bunstore.EntryOf[experimentID](r.EntryColumns, r.ExperimentID, r.RowKey(), unread)
	return experimentEntry{Entry: made, Goal: r.Goal}, err
}

type experiments struct {
	*bunstore.Versioned[experimentID, *experiment, experimentRow, experimentEntry, experimentEntryRow]
}

func newExperiments(s *bunstore.Store) experiments {
	return experiments{bunstore.NewVersioned(s,
		bunstore.Mapping[experimentID, *experiment, experimentRow, experimentEntry, experimentEntryRow]{
			One: "experiment", Many: "experiments",
			NotFound: errNoExperiment, VersionNotFound: scope.ErrVersionNotFound,
			State: rowOfExperiment, Entry: rowOfExperimentEntry, Order: []string{"name"},
			Size: func(string) string { return bunstore.TextBytes("goal") }, EntrySize: bunstore.TextBytes("goal"),
		})}
}

func (e experiments) FindByIdentity(ctx context.Context, name string) (*experiment, error) {
	return e.FindBy(ctx, e.Select().Where("name = ?", name))
}

type experimentQuery struct{ scope.Window }

func (e experiments) List(ctx context.Context, q experimentQuery) (versioned.Page[*experiment], error) {
	all := func(s *bun.SelectQuery) *bun.SelectQuery { return s }
	return e.ListBy(ctx, false, all, q.Window)
}

func currentExperiments(s *bunstore.Store) *bun.SelectQuery {
	return s.NewSelect()
}
