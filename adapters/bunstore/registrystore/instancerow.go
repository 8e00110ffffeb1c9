package registrystore

import (
	"encoding/json"
	"net/netip"
	"strconv"
	"time"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/column"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

type instanceRow struct {
	bun.BaseModel `bun:"table:service_instances,alias:i"`

	ServiceID     int64  `bun:",pk"`
	InstanceID    string `bun:",pk"`
	Environment   string `bun:",pk"`
	Definition    string
	Desired       string
	DesiredReason string
	DesiredBy     string
	DesiredByKey  string
	Evidence      string
	IsFlapping    bool
	IsExpired     bool
	IsHeld        bool
	Since         column.Timestamp
	Reason        string
	LeaseEpoch    int64
	RegisteredAt  column.Timestamp
	UpdatedAt     column.Timestamp
	IsRemoved     bool
	Generation    int64
	// KeptSeconds is how long a removed instance stays, PurgeAt until when, as that of
	// services.
	KeptSeconds int64
	PurgeAt     *int64
}

// definitionJSON is the stored form of an instance's definition.
type definitionJSON struct {
	URL         string          `json:"url,omitempty"`
	Host        string          `json:"host,omitempty"`
	Ports       map[string]int  `json:"ports,omitempty"`
	HealthCheck string          `json:"health_check_url,omitempty"`
	Check       *checkJSON      `json:"check,omitempty"`
	Zone        string          `json:"zone,omitempty"`
	Version     string          `json:"version,omitempty"`
	Tags        []string        `json:"tags,omitempty"`
	Metadata    json.RawMessage `json:"metadata,omitempty"`
	Weight      int             `json:"weight"`
	TTL         time.Duration   `json:"ttl_ns,omitempty"`
	Removal     time.Duration   `json:"removal_ns,omitempty"`
	// Source is the zero address in rows that were written before it was stored.
	Source netip.Addr `json:"source,omitzero"`
}

// checkJSON is the stored form of a check.
type checkJSON struct {
	Type            string            `json:"type"`
	Path            string            `json:"path,omitempty"`
	Port            int               `json:"port,omitempty"`
	Method          string            `json:"method,omitempty"`
	ExpectedStatus  []string          `json:"expected_status,omitempty"`
	Headers         map[string]string `json:"headers,omitempty"`
	BodyContains    string            `json:"body_contains,omitempty"`
	Service         string            `json:"service,omitempty"`
	IntervalSeconds *int              `json:"interval_seconds,omitempty"`
	TimeoutMS       *int              `json:"timeout_ms,omitempty"`
}

func rowOfInstance(i *registry.Instance, serviceID, generation int64) (instanceRow, error) {
	d := definitionJSON{
		URL: i.Address.URL.String(), Host: i.Address.Host, Ports: i.Address.Ports, HealthCheck: i.HealthCheck.String(),
		Zone: i.Zone, Version: i.Version, Tags: i.Tags, Metadata: json.RawMessage(i.Metadata.JSON()),
		Weight: i.Weight, TTL: i.TTL, Removal: i.Removal, Source: i.Source,
	}
	if i.Check != nil {
		spec := checkJSON(i.Check.Spec())
		d.Check = &spec
	}
	definition, err := json.Marshal(d)
	return instanceRow{
		ServiceID: serviceID, InstanceID: i.ID.String(), Environment: i.Environment.String(),
		Definition: string(definition),
		Desired:    i.Desired.String(), DesiredReason: i.Override.Reason,
		DesiredBy: i.By.Name, DesiredByKey: i.By.KeyID,
		Evidence: i.Evidence.String(), IsFlapping: i.Flapping, IsExpired: i.Expired, IsHeld: i.Held,
		Since: column.Time(i.Since), Reason: i.Reason, LeaseEpoch: int64(i.Epoch),
		RegisteredAt: column.Time(i.RegisteredAt), UpdatedAt: column.Time(i.UpdatedAt), IsRemoved: i.Removed,
		Generation: generation, KeptSeconds: int64(i.Kept() / time.Second),
		PurgeAt: purgeAt(i.Removed, i.UpdatedAt, i.Kept()),
	}, err
}

// RowKey identifies the row.
func (r instanceRow) RowKey() bunstore.RowKey {
	id := strconv.FormatInt(r.ServiceID, 10) + "/" + column.Printable(r.Environment+"/"+r.InstanceID)
	return bunstore.RowKey{Table: "service_instances", ID: id}
}

// Rehydrate checks the domain's rules again.
func (r instanceRow) Rehydrate(unread error) (*registry.Instance, error) {
	id, idErr := registry.ParseInstanceID(r.InstanceID)
	environment, envErr := scope.ParseEnvironment(r.Environment)
	definition, definitionErr := rehydrateInstance(r.Definition)
	desired, desiredErr := registry.ParseDesired(r.Desired)
	evidence, evidenceErr := health.Parse(r.Evidence)
	definition.Environment = environment
	i := &registry.Instance{
		ID: id, Definition: definition,
		Override: registry.Override{
			Desired: desired, Reason: r.DesiredReason, By: column.Actor(r.DesiredByKey, r.DesiredBy),
		},
		Evidence: evidence, Flapping: r.IsFlapping, Expired: r.IsExpired, Held: r.IsHeld,
		Since: r.Since.Time, Reason: r.Reason, Epoch: registry.Epoch(r.LeaseEpoch),
		RegisteredAt: r.RegisteredAt.Time, UpdatedAt: r.UpdatedAt.Time, Removed: r.IsRemoved,
	}
	err := bunstore.CheckRow(r.RowKey(), r.IsRemoved, unread, idErr, envErr, definitionErr, desiredErr, evidenceErr,
		column.CheckText("reason", r.DesiredReason, r.DesiredBy, r.DesiredByKey, r.Reason),
		column.CheckTimes(r.Since, r.RegisteredAt, r.UpdatedAt))
	if err != nil {
		i.Damaged, i.ID = true, registry.RehydrateInstanceID(column.Printable(r.InstanceID))
		i.Definition = registry.Definition{Environment: scope.RehydrateEnvironment(column.Printable(r.Environment))}
		i.Override, i.Reason = registry.Override{Desired: desired}, column.Printable(r.Reason)
	}
	return i, err
}

func rehydrateInstance(text string) (registry.Definition, error) {
	var d definitionJSON
	if json.Unmarshal([]byte(text), &d) != nil {
		return registry.Definition{}, fault.Bad("definition", "must be a JSON object as it is written here")
	}
	url, urlErr := urlOf("definition/url", d.URL)
	healthCheck, checkErr := urlOf("definition/health_check_url", d.HealthCheck)
	metadata, metadataErr := registry.ParseMetadata(d.Metadata)
	made := registry.Definition{
		Address:     registry.Address{URL: url, Host: d.Host, Ports: d.Ports},
		HealthCheck: healthCheck, Zone: d.Zone, Version: d.Version, Tags: d.Tags, Metadata: metadata,
		Weight: d.Weight, TTL: d.TTL, Removal: d.Removal, Source: d.Source.Unmap(),
	}
	err := fault.Merge(urlErr, checkErr, metadataErr, made.Validate())
	if d.Check == nil {
		return made, err
	}
	check, specErr := health.RestoreCheck(health.Spec(*d.Check))
	made.Check = &check
	return made, fault.Merge(err, fault.Within("definition/check", specErr))
}
