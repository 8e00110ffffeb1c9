package registrystore

import (
	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/column"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

type transitionRow struct {
	bun.BaseModel `bun:"table:service_health_history,alias:sh"`

	ID          int64 `bun:",pk,autoincrement"`
	ServiceID   int64
	InstanceID  string
	Environment string
	ChangedAt   column.Timestamp
	FromStatus  string
	ToStatus    string
	Reason      string
}

func rowOfTransition(t registry.Transition, serviceID int64) transitionRow {
	return transitionRow{
		ServiceID: serviceID, InstanceID: t.Instance.String(), Environment: t.Environment.String(),
		ChangedAt: column.Time(t.At), FromStatus: t.From.String(), ToStatus: t.To.String(), Reason: t.Reason,
	}
}

// RowKey identifies the row.
func (r transitionRow) RowKey() bunstore.RowKey {
	return bunstore.KeyOf("service_health_history", r.ID)
}

// Rehydrate checks the domain's rules again.
func (r transitionRow) Rehydrate(unread error) (registry.Transition, error) {
	id, idErr := registry.ParseInstanceID(r.InstanceID)
	environment, envErr := scope.ParseEnvironment(r.Environment)
	from, fromErr := health.Parse(r.FromStatus)
	to, toErr := health.Parse(r.ToStatus)
	err := bunstore.CheckRow(r.RowKey(), false, unread, idErr, envErr, fromErr, toErr,
		column.CheckText("reason", r.Reason), column.CheckTimes(r.ChangedAt))
	if err != nil {
		return registry.Transition{ID: r.ID, Damaged: true}, err
	}
	return registry.Transition{
		ID: r.ID, Ref: registry.Ref{Environment: environment, Instance: id}, At: r.ChangedAt.Time,
		From: from, To: to, Reason: r.Reason,
	}, nil
}
