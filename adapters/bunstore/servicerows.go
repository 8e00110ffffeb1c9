package bunstore

import (
	"encoding/json"
	"math"
	"net/netip"
	"strconv"
	"time"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

type serviceRow struct {
	bun.BaseModel `bun:"table:service_registry,alias:s"`

	ID                  int64 `bun:",pk,autoincrement"`
	ServiceName         string
	ServiceURL          string
	HealthCheckURL      *string
	Status              string
	LastHealthCheck     timestamp
	Metadata            string
	RegisteredAt        timestamp
	UpdatedAt           timestamp
	ResponseTime        *float64
	ResponseTimeAverage *float64
	InstancesTotal      int
	InstancesOffered    int
	InstancesKnown      int
	Protections         string
	LastEpoch           int64
	PurgedGeneration    int64
	// PurgeAt is when a service that is deregistered may be purged, in seconds since
	// 1970; null for one that lives.
	PurgeAt      *int64
	Version      int64
	Generation   int64
	UpdatedBy    string
	UpdatedByKey string
	IsDeleted    bool
	LastEventID  *string
}

// protectionJSON is a protection as it is stored.
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
		PurgedGeneration: s.Purged,
		PurgeAt:          purgeAt(s.Deleted, s.UpdatedAt, registry.KeptRemoved),
		ID:               int64(s.ID),
		ServiceName:      s.Name.String(),
		ServiceURL:       s.URL.String(),
		HealthCheckURL:   textOrNull(s.HealthCheck.String()),
		Status:           s.Status.String(),
		Metadata:         s.Metadata.JSON(),
		RegisteredAt:     timed(s.CreatedAt),
		UpdatedAt:        timed(s.UpdatedAt),
		InstancesTotal:   s.Tally.Total,
		InstancesOffered: s.Tally.Offered,
		InstancesKnown:   s.Tally.Known,
		Protections:      string(encoded),
		LastEpoch:        int64(s.Epoch),
		Version:          int64(s.Version),
		Generation:       s.Generation,
		UpdatedBy:        s.UpdatedBy.String(),
		UpdatedByKey:     s.UpdatedBy.KeyID,
		IsDeleted:        s.Deleted,
		LastEventID:      textOrNull(s.Event),
	}, err
}

// purgeAt returns when what was removed may be purged; nil for what lives.
func purgeAt(removed bool, at time.Time, kept time.Duration) *int64 {
	if !removed {
		return nil
	}
	return new(at.Add(kept).Unix())
}

func textOrNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// textOf returns the text, or "" for NULL.
func textOf(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
func (r serviceRow) at() place { return numbered("service_registry", r.ID) }

// rehydrate checks again what the domain promises of a row.
func (r serviceRow) rehydrate(unread error) (registry.State, error) {
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
		Lifecycle: scope.Lifecycle{
			Version: scope.Version(r.Version), CreatedAt: r.RegisteredAt.Time, UpdatedAt: r.UpdatedAt.Time,
			UpdatedBy: actor(r.UpdatedByKey, r.UpdatedBy), Deleted: r.IsDeleted,
			Event: textOf(r.LastEventID),
		},
	}
	if r.ResponseTime != nil && r.ResponseTimeAverage != nil {
		s.ResponseTime = &registry.ResponseTime{Last: *r.ResponseTime, Average: *r.ResponseTimeAverage}
	}
	err := damagedBy(r.at(), r.IsDeleted, unread, nameErr, detailsErr, statusErr, protectErr, r.responseErr(),
		textErr("updated_by", r.UpdatedBy, r.UpdatedByKey), timeErr(r.LastHealthCheck, r.RegisteredAt, r.UpdatedAt),
		countErr("version", r.Version), countErr("generation", r.Generation))
	if err != nil {
		s.Name = scope.RehydrateServiceName(shown(r.ServiceName))
		s.Details, s.Protections, s.ResponseTime = registry.Details{}, nil, nil
		markDamaged(&s.Lifecycle)
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

// responseErr says what is wrong with the response times: JSON has no infinity.
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
	Since         timestamp
	Reason        string
	LeaseEpoch    int64
	RegisteredAt  timestamp
	UpdatedAt     timestamp
	IsRemoved     bool
	Generation    int64
	// KeptSeconds is for how long it is kept after its removal, PurgeAt until when, as
	// that of services.
	KeptSeconds int64
	PurgeAt     *int64
}

// definitionJSON is what somebody registered about an instance, as it is stored.
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
	// Source is the zero address for rows of before it was stored.
	Source netip.Addr `json:"source,omitzero"`
}

// checkJSON is a check as it is stored.
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
		Desired:    i.Desired.String(), DesiredReason: i.Wish.Reason, DesiredBy: i.By.Name, DesiredByKey: i.By.KeyID,
		Evidence: i.Evidence.String(), IsFlapping: i.Flapping, IsExpired: i.Expired, IsHeld: i.Held,
		Since: timed(i.Since), Reason: i.Reason, LeaseEpoch: int64(i.Epoch),
		RegisteredAt: timed(i.RegisteredAt), UpdatedAt: timed(i.UpdatedAt), IsRemoved: i.Removed,
		Generation: generation, KeptSeconds: int64(i.Kept() / time.Second),
		PurgeAt: purgeAt(i.Removed, i.UpdatedAt, i.Kept()),
	}, err
}

func (r instanceRow) at() place {
	return place{"service_instances", strconv.FormatInt(r.ServiceID, 10) + "/" + shown(r.Environment+"/"+r.InstanceID)}
}

// rehydrate checks again what the domain promises of a row.
func (r instanceRow) rehydrate(unread error) (*registry.Instance, error) {
	id, idErr := registry.ParseInstanceID(r.InstanceID)
	environment, envErr := scope.ParseEnvironment(r.Environment)
	definition, definitionErr := rehydrateInstance(r.Definition)
	desired, desiredErr := registry.ParseDesired(r.Desired)
	evidence, evidenceErr := health.Parse(r.Evidence)
	definition.Environment = environment
	i := &registry.Instance{
		ID: id, Definition: definition,
		Wish:     registry.Wish{Desired: desired, Reason: r.DesiredReason, By: actor(r.DesiredByKey, r.DesiredBy)},
		Evidence: evidence, Flapping: r.IsFlapping, Expired: r.IsExpired, Held: r.IsHeld,
		Since: r.Since.Time, Reason: r.Reason, Epoch: registry.Epoch(r.LeaseEpoch),
		RegisteredAt: r.RegisteredAt.Time, UpdatedAt: r.UpdatedAt.Time, Removed: r.IsRemoved,
	}
	err := damagedBy(r.at(), r.IsRemoved, unread, idErr, envErr, definitionErr, desiredErr, evidenceErr,
		textErr("reason", r.DesiredReason, r.DesiredBy, r.DesiredByKey, r.Reason),
		timeErr(r.Since, r.RegisteredAt, r.UpdatedAt))
	if err != nil {
		i.Damaged, i.ID = true, registry.RehydrateInstanceID(shown(r.InstanceID))
		i.Definition = registry.Definition{Environment: scope.RehydrateEnvironment(shown(r.Environment))}
		i.Wish, i.Reason = registry.Wish{Desired: desired}, shown(r.Reason)
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

type transitionRow struct {
	bun.BaseModel `bun:"table:service_health_history,alias:sh"`

	ID          int64 `bun:",pk,autoincrement"`
	ServiceID   int64
	InstanceID  string
	Environment string
	ChangedAt   timestamp
	FromStatus  string
	ToStatus    string
	Reason      string
}

func rowOfTransition(t registry.Transition, serviceID int64) transitionRow {
	return transitionRow{
		ServiceID: serviceID, InstanceID: t.Instance.String(), Environment: t.Environment.String(),
		ChangedAt: timed(t.At), FromStatus: t.From.String(), ToStatus: t.To.String(), Reason: t.Reason,
	}
}

func (r transitionRow) at() place { return numbered("service_health_history", r.ID) }

// rehydrate checks again what the domain promises of a row.
func (r transitionRow) rehydrate(unread error) (registry.Transition, error) {
	id, idErr := registry.ParseInstanceID(r.InstanceID)
	environment, envErr := scope.ParseEnvironment(r.Environment)
	from, fromErr := health.Parse(r.FromStatus)
	to, toErr := health.Parse(r.ToStatus)
	err := damagedBy(r.at(), false, unread, idErr, envErr, fromErr, toErr,
		textErr("reason", r.Reason), timeErr(r.ChangedAt))
	if err != nil {
		return registry.Transition{ID: r.ID, Damaged: true}, err
	}
	return registry.Transition{
		ID: r.ID, Ref: registry.Ref{Environment: environment, Instance: id}, At: r.ChangedAt.Time,
		From: from, To: to, Reason: r.Reason,
	}, nil
}
