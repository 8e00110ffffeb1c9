package bunstore

import (
	"github.com/signalbox-hq/signalbox/adapters/bunstore/column"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/versioned"
)

// LifecycleColumns are the columns of a versioned state that every module has; the
// time of creation has a column of its own.
type LifecycleColumns struct {
	Version      int64            `store:"damaged"`
	UpdatedAt    column.Timestamp `store:"damaged"`
	UpdatedBy    string           `store:"damaged"`
	UpdatedByKey string           `store:"damaged"`
	IsDeleted    bool             `store:"damaged"`
	LastEventID  *string          `store:"damaged"`
}

// ColumnsOf returns the columns of a lifecycle. Its version was made by the event with
// that id.
func ColumnsOf(l scope.Lifecycle, event string) LifecycleColumns {
	return LifecycleColumns{
		Version: int64(l.Version), UpdatedAt: column.Time(l.UpdatedAt), UpdatedBy: l.UpdatedBy.String(),
		UpdatedByKey: l.UpdatedBy.KeyID, IsDeleted: l.Deleted, LastEventID: column.Nullable(event),
	}
}

// Lifecycle returns the lifecycle of a row that was created then.
func (c LifecycleColumns) Lifecycle(created column.Timestamp) scope.Lifecycle {
	return scope.Lifecycle{
		Version: scope.Version(c.Version), CreatedAt: created.Time, UpdatedAt: c.UpdatedAt.Time,
		UpdatedBy: column.Actor(c.UpdatedByKey, c.UpdatedBy), Deleted: c.IsDeleted, Event: column.Text(c.LastEventID),
	}
}

// CheckState is CheckRow of a row with a lifecycle.
func (c LifecycleColumns) CheckState(key RowKey, created column.Timestamp, parts ...error) error {
	return CheckRow(key, c.IsDeleted, append(parts,
		column.CheckText("updated_by", c.UpdatedBy, c.UpdatedByKey), column.CheckTimes(created, c.UpdatedAt),
		column.CheckCounter("version", c.Version))...)
}

// MarkDamaged marks the lifecycle of a damaged row, and makes its texts printable.
func MarkDamaged(l *scope.Lifecycle) {
	l.Damaged = true
	l.UpdatedBy.Name, l.UpdatedBy.KeyID = column.Printable(l.UpdatedBy.Name), column.Printable(l.UpdatedBy.KeyID)
}

// EntryColumns are the columns of a history entry that every module has, beside the id
// of the aggregate.
type EntryColumns struct {
	ID           int64 `bun:",pk,autoincrement"`
	Version      int64
	Action       string
	ChangedBy    string
	ChangedByKey string
	ChangedAt    column.Timestamp
	RequestID    string
}

// EntryColumnsOf returns the columns of an entry.
func EntryColumnsOf[I ~int64](e versioned.Entry[I]) EntryColumns {
	return EntryColumns{
		ID: e.ID, Version: int64(e.Version), Action: e.Action.String(), ChangedBy: e.Stamp.By.String(),
		ChangedByKey: e.Stamp.By.KeyID, ChangedAt: column.Time(e.Stamp.At), RequestID: e.Stamp.RequestID,
	}
}

// EntryOf returns the entry of a row of that aggregate, and the error of CheckRow. Of a
// damaged row only the ids and the version are known.
func EntryOf[I ~int64](
	c EntryColumns, aggregate int64, key RowKey, parts ...error,
) (versioned.Entry[I], error) {
	action, actionErr := scope.ParseAction(c.Action)
	err := CheckRow(key, false, append(parts, actionErr,
		column.CheckText("changed_by", c.ChangedBy, c.ChangedByKey, c.RequestID), column.CheckTimes(c.ChangedAt))...)
	e := versioned.Entry[I]{ID: c.ID, AggregateID: I(aggregate), Version: scope.Version(c.Version), Damaged: err != nil}
	if err != nil {
		return e, err
	}
	e.Action = action
	e.Stamp = scope.Stamp{
		By: column.Actor(c.ChangedByKey, c.ChangedBy), At: c.ChangedAt.Time, RequestID: c.RequestID,
	}
	return e, nil
}
