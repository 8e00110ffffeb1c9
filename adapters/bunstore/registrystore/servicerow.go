package registrystore

import (
	"encoding/json"
	"math"
	"time"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/column"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

type serviceRow struct {
	bun.BaseModel `bun:"table:service_registry,alias:s"`

	ID                  int64  `bun:",pk" store:"ids=service_ids"`
	ServiceName         string `store:"identity"`
	ServiceURL          string
	HealthCheckURL      *string
	Status              string           `store:"damaged"`
	LastHealthCheck     column.Timestamp `store:"insert,founding"`
	Metadata            string
	RegisteredAt        column.Timestamp `store:"insert,founding"`
	ResponseTime        *float64         `store:"insert,founding"`
	ResponseTimeAverage *float64         `store:"insert,founding"`
	InstancesTotal      int              `store:"damaged"`
	InstancesOffered    int              `store:"damaged"`
	InstancesKnown      int              `store:"damaged"`
	Protections         string           `store:"damaged"`
	LastEpoch           int64
	PurgedGeneration    int64 `store:"insert"`
	// PurgeAt is the time in seconds since 1970 from which a deregistered service may be
	// purged; null for one that is not deregistered.
	PurgeAt    *int64 `store:"damaged"`
	Generation int64  `store:"damaged"`
	bunstore.LifecycleColumns
}

// protectionJSON is the stored form of a protection.
type protectionJSON struct {
	Environment string    `json:"environment"`
	Since       time.Time `json:"since"`
}

func rowOfService(s registry.State) (serviceRow, error) {
	protections := make([]protectionJSON, len(s.Protections))
	for i, p := range s.Protections {
		protections[i] = protectionJSON{Environment: p.Environment.String(), Since: p.Since}
	}
	encoded, err := json.Marshal(protections)
	return serviceRow{
		ID:               int64(s.ID),
		ServiceName:      s.Name.String(),
		ServiceURL:       s.URL.String(),
		HealthCheckURL:   column.Nullable(s.HealthCheck.String()),
		Status:           s.Status.String(),
		Metadata:         s.Metadata.JSON(),
		RegisteredAt:     column.Time(s.CreatedAt),
		InstancesTotal:   s.Tally.Total,
		InstancesOffered: s.Tally.Offered,
		InstancesKnown:   s.Tally.Known,
		Protections:      string(encoded),
		LastEpoch:        int64(s.Epoch),
		PurgedGeneration: s.Purged,
		PurgeAt:          purgeAt(s.Deleted, s.UpdatedAt, registry.KeptRemoved),
		Generation:       s.Generation,
		LifecycleColumns: bunstore.ColumnsOf(s.Lifecycle, s.Event),
	}, err
}

// purgeAt returns the time from which a removed row may be purged, nil for others.
func purgeAt(removed bool, at time.Time, kept time.Duration) *int64 {
	if !removed {
		return nil
	}
	return new(at.Add(kept).Unix())
}

// RowKey identifies the row.
func (r serviceRow) RowKey() bunstore.RowKey { return bunstore.KeyOf("service_registry", r.ID) }

// Rehydrate checks the domain's rules again.
func (r serviceRow) Rehydrate(unread error) (registry.State, error) {
	name, nameErr := registry.ParseName(r.ServiceName)
	details, detailsErr := r.details()
	status, statusErr := registry.ParseStatus(r.Status)
	protections, protectErr := rehydrateProtections(r.Protections)
	s := registry.State{
		ID: registry.ID(r.ID),
		Attributes: registry.Attributes{
			Name: name, Details: details, Status: status,
			Tally:       registry.Tally{Total: r.InstancesTotal, Offered: r.InstancesOffered, Known: r.InstancesKnown},
			Protections: protections, Epoch: registry.Epoch(r.LastEpoch), Purged: r.PurgedGeneration,
			Generation: r.Generation, LastCheck: r.LastHealthCheck.Time,
		},
		Lifecycle: r.Lifecycle(r.RegisteredAt),
	}
	if r.ResponseTime != nil && r.ResponseTimeAverage != nil {
		s.ResponseTime = &registry.ResponseTime{Last: *r.ResponseTime, Average: *r.ResponseTimeAverage}
	}
	err := r.CheckState(r.RowKey(), r.RegisteredAt, unread, nameErr, detailsErr, statusErr, protectErr, r.responseErr(),
		column.CheckTimes(r.LastHealthCheck), column.CheckCounter("generation", r.Generation))
	if err != nil {
		s.Name = scope.RehydrateServiceName(column.Printable(r.ServiceName))
		s.Details, s.Protections, s.ResponseTime = registry.Details{}, nil, nil
		bunstore.MarkDamaged(&s.Lifecycle)
	}
	return s, err
}

func (r serviceRow) details() (registry.Details, error) {
	check := ""
	if r.HealthCheckURL != nil {
		check = *r.HealthCheckURL
	}
	url, urlErr := urlOf("service_url", r.ServiceURL)
	healthCheck, checkErr := urlOf("health_check_url", check)
	metadata, metadataErr := registry.ParseMetadata([]byte(r.Metadata))
	return registry.Details{URL: url, HealthCheck: healthCheck, Metadata: metadata},
		fault.Merge(urlErr, checkErr, metadataErr)
}

// responseErr returns the fault of the response times, or nil: JSON has no infinity.
func (r serviceRow) responseErr() error {
	for _, t := range []*float64{r.ResponseTime, r.ResponseTimeAverage} {
		if t != nil && (math.IsNaN(*t) || math.IsInf(*t, 0)) {
			return fault.Bad("response_time", "must be a finite number")
		}
	}
	return nil
}

func urlOf(column, text string) (registry.URL, error) {
	if text == "" {
		return registry.URL{}, nil
	}
	return registry.ParseURL(column, text)
}

func rehydrateProtections(text string) ([]registry.Protection, error) {
	var stored []protectionJSON
	if json.Unmarshal([]byte(text), &stored) != nil {
		return nil, fault.Bad("protections", "must be a list of environments and times")
	}
	var list []registry.Protection
	for _, p := range stored {
		e, err := scope.ParseEnvironment(p.Environment)
		if err != nil {
			return nil, err
		}
		list = append(list, registry.Protection{Environment: e, Since: p.Since.UTC()})
	}
	return list, nil
}
