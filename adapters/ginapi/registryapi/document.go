package registryapi

import "github.com/signalbox-hq/signalbox/adapters/ginapi/rest"

// registerJSON is the body that registers a service or an instance.
type registerJSON struct {
	ServiceName    string         `json:"service_name" doc:"1 to 100 of A-Z a-z 0-9 . _ -, beginning with a letter or digit"`
	ServiceURL     *string        `json:"service_url,omitzero" doc:"http or https, without user info, at most 255 bytes; needed unless host and ports are given"`
	HealthCheckURL *string        `json:"health_check_url,omitzero" doc:"Likewise; checked every ten seconds; the empty string removes it"`
	Metadata       *object        `json:"metadata,omitzero" doc:"At most 64 KiB"`
	InstanceID     *string        `json:"instance_id,omitzero" doc:"1 to 128 of A-Z a-z 0-9 . _ : -; without it the service as a whole is registered, with no lease"`
	Host           *string        `json:"host,omitzero" doc:"A host name or an IP address"`
	Ports          map[string]int `json:"ports,omitzero" doc:"1 to 65535, by name"`
	Environment    *string        `json:"environment,omitzero" doc:"One of the supported environments; DEFAULT_ENVIRONMENT if not given"`
	Zone           *string        `json:"zone,omitzero" doc:"At most 100 bytes"`
	Version        *string        `json:"version,omitzero" doc:"The version of the program; at most 100 bytes"`
	Tags           *[]string      `json:"tags,omitzero" doc:"At most 64, of 1 to 100 bytes"`
	Weight         *int           `json:"weight,omitzero" doc:"0 to 65535; 100 if not given"`
	TTLSeconds     *int           `json:"ttl_seconds,omitzero" doc:"1 to 3600: the duration of the lease from each heartbeat; 30 if not given"`
	Deregister     *int           `json:"deregister_after_seconds,omitzero" doc:"How long after the end of its lease it is removed: at least ttl_seconds; ten times that if not given"`
	Check          *checkJSON     `json:"check,omitzero" doc:"How it is checked, where that is more than a GET of health_check_url"`
}

// checkJSON is an active check.
type checkJSON struct {
	Type            string            `json:"type" enum:"http,tcp,grpc"`
	Path            string            `json:"path,omitzero" doc:"http: begins with a slash; the path of health_check_url or service_url if not given"`
	Port            int               `json:"port,omitzero" doc:"The instance's own if not given"`
	Method          string            `json:"method,omitzero" doc:"http: GET or HEAD; GET if not given"`
	ExpectedStatus  []string          `json:"expected_status,omitzero" doc:"http: codes and ranges such as 204 and 200-299, which is used if not given"`
	Headers         map[string]string `json:"headers,omitzero" doc:"http: Accept, Accept-Language, Cache-Control, User-Agent and X-Health-Check"`
	BodyContains    string            `json:"body_contains,omitzero" doc:"http: a text in the first 64 KiB of the body"`
	Service         string            `json:"service,omitzero" doc:"grpc: the service to check"`
	IntervalSeconds *int              `json:"interval_seconds,omitzero" doc:"1 to 3600; 10 if not given"`
	TimeoutMS       *int              `json:"timeout_ms,omitzero" doc:"Less than the interval; 5000, or half of the interval, if not given"`
}

// reportHealthJSON is the body that reports how something is.
type reportHealthJSON struct {
	ServiceName  string   `json:"service_name"`
	Status       string   `json:"status" doc:"healthy, unhealthy or unknown, or passing, warning or critical"`
	ResponseTime *float64 `json:"response_time,omitzero" doc:"In milliseconds, 0 to 1000000000"`
	InstanceID   *string  `json:"instance_id,omitzero" doc:"Needed where the service has instances of its own"`
	Environment  string   `json:"environment,omitzero" doc:"Required if the instance id exists in several environments"`
}

// amendJSON is the body that changes an instance.
type amendJSON struct {
	Desired  *string   `json:"desired,omitzero" doc:"up, draining or maintenance"`
	Reason   *string   `json:"reason,omitzero" doc:"Why that is desired; at most 1 KiB"`
	Weight   *int      `json:"weight,omitzero" doc:"0 to 65535"`
	Metadata *object   `json:"metadata,omitzero" doc:"At most 64 KiB; replaced whole"`
	Tags     *[]string `json:"tags,omitzero" doc:"At most 64; replaced whole"`
}

// serviceJSON is a service.
type serviceJSON struct {
	ID                  int64    `json:"id" doc:"Immutable numeric id"`
	ServiceName         string   `json:"service_name"`
	ServiceURL          string   `json:"service_url"`
	HealthCheckURL      *string  `json:"health_check_url"`
	Status              string   `json:"status" enum:"healthy,unhealthy,unknown" doc:"healthy where an instance is ready or held, unhealthy where none is, unknown before anything is known"`
	LastHealthCheck     *string  `json:"last_health_check" format:"date-time" doc:"The time of the last observation"`
	ResponseTime        *float64 `json:"response_time" doc:"The last one, in milliseconds"`
	ResponseTimeAverage *float64 `json:"avg_response_time" doc:"Moving average with a weight of 0.2 for the last"`
	Metadata            object   `json:"metadata"`
	InstanceCount       int      `json:"instance_count"`
	ProtectedIn         []string `json:"protected_in,omitzero" nullable:"false" doc:"The environments in which self-preservation keeps instances"`
	Damaged             bool     `json:"damaged,omitzero" doc:"True where what is stored of it cannot be read: only id, service_name, instance_count and version are known. It can be deregistered"`
	Version             int64    `json:"version" doc:"Counts every change from 1"`
	RegisteredAt        string   `json:"registered_at" format:"date-time"`
	UpdatedAt           string   `json:"updated_at" format:"date-time"`
}

// registeredJSON is a service after a registration.
type registeredJSON struct {
	serviceJSON
	InstanceID *string `json:"instance_id,omitzero" nullable:"false"`
	LeaseEpoch *int64  `json:"lease_epoch,omitzero" nullable:"false" doc:"The fencing token that heartbeats send"`
	TTLSeconds *int64  `json:"ttl_seconds,omitzero" nullable:"false" doc:"The duration of the lease from each heartbeat"`
}

// wholeServiceJSON is a service with its instances, in the order of their ids.
type wholeServiceJSON struct {
	serviceJSON
	Instances []instanceJSON `json:"instances" nullable:"false"`
}

// listJSON is a page of services, ordered by name.
type listJSON struct {
	Services []serviceJSON `json:"services" nullable:"false"`
	Total    int           `json:"total" doc:"How many there are in all"`
	Limit    int           `json:"limit"`
	Offset   int           `json:"offset"`
	Next     string        `json:"next,omitempty" doc:"The cursor of the next page; left out at the end"`
}

// healthyListJSON is all healthy services, ordered by name.
type healthyListJSON struct {
	Services []serviceJSON `json:"services" nullable:"false"`
	Total    int           `json:"total"`
}

// instanceJSON is an instance.
type instanceJSON struct {
	InstanceID     string         `json:"instance_id"`
	ServiceName    string         `json:"service_name,omitzero"`
	URL            *string        `json:"url" doc:"As it was registered, or made of host and port"`
	Host           string         `json:"host"`
	Ports          map[string]int `json:"ports" nullable:"false"`
	HealthCheckURL *string        `json:"health_check_url"`
	Check          *checkJSON     `json:"check,omitzero" nullable:"false"`
	Environment    string         `json:"environment"`
	Zone           string         `json:"zone"`
	Version        string         `json:"version" doc:"The version of the program"`
	Tags           []string       `json:"tags" nullable:"false"`
	Metadata       object         `json:"metadata"`
	Weight         int            `json:"weight"`
	TTLSeconds     *int64         `json:"ttl_seconds" doc:"null where it has no lease"`
	Deregister     *int64         `json:"deregister_after_seconds"`
	Desired        string         `json:"desired" enum:"up,draining,maintenance"`
	DesiredReason  string         `json:"desired_reason,omitzero"`
	DesiredBy      string         `json:"desired_by,omitzero"`
	Observed       string         `json:"observed" enum:"passing,warning,critical,unknown"`
	Serving        bool           `json:"serving" doc:"observed is passing or warning"`
	Ready          bool           `json:"ready" doc:"serving, and desired is up"`
	Terminating    bool           `json:"terminating"`
	Flapping       bool           `json:"flapping" doc:"Checks change so often that observed keeps the last good state"`
	Held           bool           `json:"held" doc:"Its lease has expired, and self-preservation keeps it listed"`
	Since          string         `json:"since" format:"date-time" doc:"The time of the last change of observed"`
	Reason         string         `json:"reason" doc:"Why: registered, reported, lease_expired, lease_renewed, check_passed or check_failed: and a class"`
	RegisteredAt   string         `json:"registered_at" format:"date-time"`
	Damaged        bool           `json:"damaged,omitzero" doc:"True where what is stored of it cannot be read: only instance_id and environment are known. It can be deregistered, and registered again"`
	*readingJSON
}

// readingJSON is the latest observations of an instance, and its lease.
type readingJSON struct {
	LeaseEpoch          *int64   `json:"lease_epoch"`
	LastCheck           *string  `json:"last_check" format:"date-time" doc:"The last heartbeat, report or check"`
	ResponseTime        *float64 `json:"response_time"`
	ResponseTimeAverage *float64 `json:"avg_response_time"`
	ConsecutiveFailures int      `json:"consecutive_failures"`
	UpdatedAt           string   `json:"updated_at" format:"date-time"`
}

// healthHistoryJSON is transitions, newest first.
type healthHistoryJSON struct {
	History []transitionJSON `json:"history" nullable:"false"`
	Next    string           `json:"next,omitempty" doc:"The cursor of the next page; left out at the end"`
}

// transitionJSON is a change of what is observed of an instance.
type transitionJSON struct {
	InstanceID  string `json:"instance_id"`
	Environment string `json:"environment"`
	ChangedAt   string `json:"changed_at" format:"date-time"`
	From        string `json:"from" enum:"passing,warning,critical,unknown"`
	To          string `json:"to" enum:"passing,warning,critical,unknown"`
	Reason      string `json:"reason"`
	Damaged     bool   `json:"damaged,omitzero" doc:"True where what is stored of it cannot be read"`
}

// heartbeatJSON is the body of a heartbeat.
type heartbeatJSON struct {
	LeaseEpoch   int64    `json:"lease_epoch" doc:"As the registration returned it, from 1"`
	Environment  string   `json:"environment,omitzero" doc:"Where the instance is; lease_epoch says it too"`
	Status       *string  `json:"status,omitzero" doc:"A report: healthy, unhealthy or unknown, or passing, warning or critical"`
	ResponseTime *float64 `json:"response_time,omitzero" minimum:"0" maximum:"1000000000" doc:"In milliseconds"`
}

// beatJSON is a lease that was renewed.
type beatJSON struct {
	LeaseEpoch  int64 `json:"lease_epoch"`
	ExpiresInMS int64 `json:"expires_in_ms" doc:"The remaining time of the lease"`
}

// heartbeatsJSON is the body of many heartbeats.
type heartbeatsJSON struct {
	Heartbeats []listedHeartbeatJSON `json:"heartbeats" maxItems:"1000" nullable:"false"`
}

// listedHeartbeatJSON is one of many heartbeats.
type listedHeartbeatJSON struct {
	ServiceName string `json:"service_name"`
	InstanceID  string `json:"instance_id"`
	heartbeatJSON
}

// beatsJSON is the results of many heartbeats.
type beatsJSON struct {
	Results []listedBeatJSON `json:"results" nullable:"false"`
}

// listedBeatJSON is the result of one of many heartbeats.
type listedBeatJSON struct {
	ServiceName string       `json:"service_name" maxLength:"1048576" doc:"As it was sent"`
	InstanceID  string       `json:"instance_id" maxLength:"1048576" doc:"As it was sent"`
	Status      int          `json:"status" doc:"200, 404, 409, 422 or 503"`
	LeaseEpoch  int64        `json:"lease_epoch,omitzero"`
	ExpiresInMS int64        `json:"expires_in_ms,omitzero"`
	Code        string       `json:"code,omitzero" doc:"Of the problem, where the status is not 200"`
	Detail      string       `json:"detail,omitzero"`
	Errors      []rest.Place `json:"errors,omitzero" nullable:"false"`
	// Environments are where the id lives.
	Environments []string `json:"environments,omitzero" nullable:"false" doc:"The environments of the instance id, if several"`
}
