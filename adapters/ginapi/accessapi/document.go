package accessapi

import "github.com/signalbox-hq/signalbox/adapters/ginapi/rest"

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

// keySetJSON is a JSON Web Key Set.
type keySetJSON struct {
	Keys []map[string]any `json:"keys" nullable:"false" doc:"1 to 50 public keys (RFC 7517)"`
}

// issuerCreateJSON is the body that trusts an issuer.
type issuerCreateJSON struct {
	Name       string      `json:"name" doc:"1 to 100 bytes; no other issuer has it"`
	Issuer     string      `json:"issuer" doc:"The claim iss of its tokens. Without jwks an https URL, where its keys are discovered"`
	JWKS       *keySetJSON `json:"jwks,omitzero" doc:"Its keys, where they cannot be discovered"`
	Audiences  []string    `json:"audiences" doc:"1 to 20; a token has to name one of them"`
	Algorithms []string    `json:"algorithms,omitzero" doc:"Of its signatures: RS256 and ES256 if not given; also RS384, RS512, PS256, PS384, PS512, ES384, ES512, EdDSA"`
	Skew       *int        `json:"clock_skew_seconds,omitzero" minimum:"0" maximum:"300" doc:"By how much clocks may differ; 30 if not given"`
	Direct     bool        `json:"direct,omitzero" doc:"Accept its tokens in place of API keys"`
}

// issuerUpdateJSON is the body that changes an issuer.
type issuerUpdateJSON struct {
	Name       *string              `json:"name,omitzero"`
	Issuer     *string              `json:"issuer,omitzero"`
	JWKS       rest.Raw[keySetJSON] `json:"jwks,omitzero" doc:"Null for keys that are discovered"`
	Audiences  *[]string            `json:"audiences,omitzero" doc:"Replaced whole"`
	Algorithms *[]string            `json:"algorithms,omitzero" doc:"Replaced whole"`
	Skew       *int                 `json:"clock_skew_seconds,omitzero" minimum:"0" maximum:"300"`
	Direct     *bool                `json:"direct,omitzero"`
}

// issuerJSON is an issuer that is trusted.
type issuerJSON struct {
	ID             string      `json:"id"`
	Name           string      `json:"name"`
	Issuer         string      `json:"issuer"`
	JWKS           *keySetJSON `json:"jwks" doc:"Null where its keys are discovered"`
	Audiences      []string    `json:"audiences" nullable:"false"`
	Algorithms     []string    `json:"algorithms" nullable:"false"`
	Skew           int         `json:"clock_skew_seconds"`
	Direct         bool        `json:"direct"`
	CreatedAt      string      `json:"created_at" format:"date-time"`
	CreatedBy      *string     `json:"created_by"`
	CreatedByKeyID *string     `json:"created_by_key_id"`
}

// issuersJSON are all issuers.
type issuersJSON struct {
	Issuers []issuerJSON `json:"issuers" nullable:"false" doc:"By name; at most 100"`
}

// bindingCreateJSON is the body that gives grants to tokens.
type bindingCreateJSON struct {
	Name     string              `json:"name" doc:"1 to 100 bytes; no other binding has it"`
	IssuerID string              `json:"issuer_id"`
	Subjects []string            `json:"subjects" doc:"1 to 50 globs, one of which the claim sub has to match; * stands for any text"`
	Claims   map[string][]string `json:"claims,omitzero" doc:"Globs by JSON pointer such as /repository; each claim has to match one of its globs"`
	Grants   []grantJSON         `json:"grants" doc:"1 to 20"`
	TTL      *int                `json:"ttl_seconds,omitzero" minimum:"60" maximum:"3600" doc:"How long the key of a login is valid; 3600 if not given"`
}

// bindingUpdateJSON is the body that changes a binding.
type bindingUpdateJSON struct {
	Name     *string              `json:"name,omitzero"`
	IssuerID *string              `json:"issuer_id,omitzero"`
	Subjects *[]string            `json:"subjects,omitzero" doc:"Replaced whole"`
	Claims   *map[string][]string `json:"claims,omitzero" doc:"Replaced whole"`
	Grants   *[]grantJSON         `json:"grants,omitzero" doc:"Replaced whole"`
	TTL      *int                 `json:"ttl_seconds,omitzero" minimum:"60" maximum:"3600"`
}

// bindingJSON is a binding.
type bindingJSON struct {
	ID             string              `json:"id"`
	Name           string              `json:"name"`
	IssuerID       string              `json:"issuer_id"`
	Subjects       []string            `json:"subjects" nullable:"false"`
	Claims         map[string][]string `json:"claims"`
	Grants         []grantJSON         `json:"grants" nullable:"false"`
	TTL            int                 `json:"ttl_seconds"`
	CreatedAt      string              `json:"created_at" format:"date-time"`
	CreatedBy      *string             `json:"created_by"`
	CreatedByKeyID *string             `json:"created_by_key_id"`
}

// bindingsJSON are the bindings that a caller may manage.
type bindingsJSON struct {
	Bindings []bindingJSON `json:"bindings" nullable:"false" doc:"By name; at most 1,000"`
}

// loginJSON is the body of a login.
type loginJSON struct {
	Token   string `json:"token" doc:"A JWT in the compact form, of an issuer that is trusted"`
	Binding string `json:"binding,omitzero" doc:"The name of the binding; required where the token matches several"`
}
