package accessapi

// grantJSON is a grant.
type grantJSON struct {
	Role         string   `json:"role" enum:"admin,operator,editor,service,reader,evaluator"`
	Reveal       bool     `json:"reveal,omitzero" doc:"Shows the values of encrypted configurations; admins and operators always have it"`
	Environments []string `json:"environments,omitzero" minItems:"1" maxItems:"100" doc:"Environments that the grant is narrowed to; left out or [\"*\"] for all. Required for the role evaluator"`
	Services     []string `json:"services,omitzero" minItems:"1" maxItems:"100" doc:"Services whose configurations and registrations the grant is narrowed to; flags belong to none"`
	Prefixes     []string `json:"prefixes,omitzero" minItems:"1" maxItems:"100" doc:"What the key of a configuration, or the name of a flag or service, begins with"`
}

// createJSON is the body that creates a key.
type createJSON struct {
	Name      string            `json:"name" doc:"Of its user, shown in histories; 1 to 100 bytes"`
	Grants    []grantJSON       `json:"grants" doc:"1 to 20"`
	ExpiresAt *string           `json:"expires_at,omitzero" doc:"A time as RFC 3339 writes it, or never; 365 days from now if not given"`
	NotBefore *string           `json:"not_before,omitzero" doc:"From when it is valid; at once if not given"`
	Networks  []string          `json:"networks,omitzero" doc:"IP addresses, or networks such as 10.0.0.0/8, from which it is accepted; all if not given"`
	Labels    map[string]string `json:"labels,omitzero" doc:"At most 20, of at most 100 bytes"`
}

// updateJSON is the body that changes a key.
type updateJSON struct {
	Name      *string            `json:"name,omitzero"`
	Grants    *[]grantJSON       `json:"grants,omitzero" doc:"Replaced whole"`
	ExpiresAt *string            `json:"expires_at,omitzero" doc:"A time as RFC 3339 writes it, or never"`
	NotBefore *string            `json:"not_before,omitzero"`
	Networks  *[]string          `json:"networks,omitzero" doc:"Replaced whole; an empty list accepts it from everywhere"`
	Labels    *map[string]string `json:"labels,omitzero" doc:"Replaced whole"`
}

// rotateJSON is the body that rotates a key.
type rotateJSON struct {
	OverlapSeconds int `json:"overlap_seconds,omitzero" minimum:"0" maximum:"2592000" doc:"How long the old secret stays valid"`
}

// keyJSON is an API key without its secret.
type keyJSON struct {
	ID             string            `json:"id"`
	Name           string            `json:"name"`
	Status         string            `json:"status" enum:"active,expiring,not_yet_valid,expired,revoked,damaged" doc:"Keys that are active or expiring (in 14 days or less) are valid"`
	Grants         []grantJSON       `json:"grants" nullable:"false"`
	CreatedAt      string            `json:"created_at" format:"date-time"`
	CreatedBy      *string           `json:"created_by" doc:"The name of the key that made it; null if it was made on the command line, or before this was recorded"`
	CreatedByKeyID *string           `json:"created_by_key_id"`
	NotBefore      *string           `json:"not_before" format:"date-time"`
	ExpiresAt      *string           `json:"expires_at" format:"date-time" doc:"Null for never"`
	RevokedAt      *string           `json:"revoked_at" format:"date-time"`
	LastUsedAt     *string           `json:"last_used_at" format:"date-time" doc:"To about a minute"`
	RotatedAt      *string           `json:"rotated_at" format:"date-time"`
	OverlapEndsAt  *string           `json:"overlap_ends_at" format:"date-time" doc:"Until when the secret before the rotation is valid, too"`
	Networks       []string          `json:"networks" nullable:"false" doc:"From which it is accepted; none means everywhere"`
	Labels         map[string]string `json:"labels"`
}

// issuedJSON is a key with its secret.
type issuedJSON struct {
	Key string `json:"key" doc:"The key as clients send it. It is not shown again"`
	keyJSON
}

// listJSON is a page of keys.
type listJSON struct {
	Keys   []keyJSON `json:"keys" nullable:"false"`
	Total  int       `json:"total" doc:"How many there are in all"`
	Limit  int       `json:"limit"`
	Offset int       `json:"offset"`
	Next   string    `json:"next,omitempty" doc:"The cursor of the next page; left out at the end"`
}

// checkJSON is the body of a request for a decision.
type checkJSON struct {
	Action   string        `json:"action" doc:"Such as configuration.read"`
	Resource *resourceJSON `json:"resource,omitzero"`
	KeyID    string        `json:"key_id,omitzero" doc:"Another key; the caller's own rights if not given"`
}

// resourceJSON is what an action is done to.
type resourceJSON struct {
	Environment string `json:"environment,omitzero"`
	ServiceName string `json:"service_name,omitzero" doc:"That of a configuration or of a registration"`
	Name        string `json:"name,omitzero" doc:"The key of a configuration, or the name of a flag or service"`
}

// decisionJSON is a decision.
type decisionJSON struct {
	Allowed bool       `json:"allowed"`
	Reason  string     `json:"reason" enum:"granted,action_not_granted,resource_out_of_scope,key_not_yet_valid,key_expired,key_revoked,key_damaged"`
	Detail  string     `json:"detail" doc:"The reason as a sentence"`
	Grant   *grantJSON `json:"grant" doc:"The grant that allows it"`
}
