package accessapi

import (
	"encoding/json"
	"time"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
	"github.com/signalbox-hq/signalbox/domain/access/trust"
	"github.com/signalbox-hq/signalbox/domain/fault"
)

// keySetText returns the text of a key set; nil for none given.
func keySetText(set *keySetJSON) *string {
	if set == nil {
		return nil
	}
	text, _ := json.Marshal(set) // what came as JSON has a JSON form
	return new(string(text))
}

// patchedKeySet returns the text of a key set in a merge patch (RFC 7396): nil for none given,
// empty for null.
func patchedKeySet(text []byte) (*string, error) {
	if len(text) == 0 {
		return nil, nil //nolint:nilnil // none given is no error
	}
	var set *keySetJSON
	if json.Unmarshal(text, &set) != nil {
		return nil, fault.Bad("jwks", "must be a JSON Web Key Set (RFC 7517) such as {\"keys\": [...]}, or null")
	}
	if set == nil {
		return new(""), nil
	}
	return keySetText(set), nil
}

func secondsOf(n *int) *time.Duration {
	if n == nil {
		return nil
	}
	return new(time.Duration(*n) * time.Second)
}

func representIssuer(i trust.Issuer) issuerJSON {
	shown := issuerJSON{
		ID: i.ID, Name: i.Name, Issuer: i.URL, Audiences: i.Audiences, Algorithms: i.Algorithms,
		Skew: int(i.Skew / time.Second), Direct: i.Direct,
		CreatedAt: rest.Time(i.Created), CreatedByKeyID: rest.OrNull(i.CreatedBy.KeyID),
	}
	if i.CreatedBy.KeyID != "" {
		shown.CreatedBy = &i.CreatedBy.Name
	}
	var set keySetJSON
	if i.KeySet != "" && json.Unmarshal([]byte(i.KeySet), &set) == nil {
		shown.JWKS = &set
	}
	return shown
}

func representBinding(b trust.Binding) bindingJSON {
	shown := bindingJSON{
		ID: b.ID, Name: b.Name, IssuerID: b.IssuerID, Subjects: b.Subjects, Claims: b.Claims,
		Grants: make([]grantJSON, len(b.Grants)), TTL: int(b.TTL / time.Second),
		CreatedAt: rest.Time(b.Created), CreatedByKeyID: rest.OrNull(b.CreatedBy.KeyID),
	}
	if b.CreatedBy.KeyID != "" {
		shown.CreatedBy = &b.CreatedBy.Name
	}
	if shown.Claims == nil {
		shown.Claims = map[string][]string{}
	}
	for i, g := range b.Grants {
		shown.Grants[i] = representGrant(g)
	}
	return shown
}
