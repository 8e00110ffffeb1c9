package encryptionapi

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
	"github.com/signalbox-hq/signalbox/application/configapp"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/fault"
)

// KeyRing are the use cases of encryption keys, as configapp.KeyRing implements them.
type KeyRing interface {
	Status(ctx context.Context, by access.Caller) (configapp.KeyRingStatus, error)
	Rotate(
		ctx context.Context, by access.Caller, after configuration.TokenPlace, limit int,
	) (configapp.Rotated, error)
}

const (
	encryptionPath = rest.BasePath + "/encryption/"
	tag            = "encryption"
)

// API serves the operations.
type API struct{ ring KeyRing }

// New returns the operations over their use cases.
func New(ring KeyRing) *API { return &API{ring: ring} }

// Register adds the operations to a router.
func (a *API) Register(r *rest.Router) {
	r.DescribeTag(tag, "Encryption keys: how many values they encrypt, and their rotation.")
	rest.PrefixSchemas[statusJSON](r, "Encryption")
	rest.Typed(r, rest.Operation{
		ID: "read-encryption-status", Method: http.MethodGet, Path: encryptionPath + "status", Tag: tag,
		WithoutMinRevision: true, Action: access.ManageEncryption,
		Summary: "Count the encrypted values by key, current ones and those of histories",
	}, a.status)
	rest.Typed(r, rest.Operation{
		ID: "rotate-encryption", Method: http.MethodPost, Path: encryptionPath + "rotate", Tag: tag,
		Action: access.ManageEncryption, Example: `{"limit": 1000}`,
		Summary: "Encrypt values under the current key that are encrypted under another one",
		Description: "Versions and times stay. Repeat it with the next of the response until there is none; " +
			"it can be stopped and begun again. It also binds values to their rows.",
	}, a.rotate)
}

// statusJSON says under which keys values are encrypted.
type statusJSON struct {
	Current    *string        `json:"current" doc:"The fingerprint of the key that encrypts; null without one"`
	First      *string        `json:"first" doc:"The first key; current once every replica has it"`
	Lacking    []replicaJSON  `json:"lacking" nullable:"false" doc:"Replicas that do not have the first key"`
	Keys       []keyCountJSON `json:"keys" nullable:"false"`
	Unreadable int64          `json:"unreadable" doc:"Values that no key of this replica opens"`
	Unbound    int64          `json:"unbound" doc:"Values that no MAC binds to their rows"`
	Enforced   bool           `json:"enforced" doc:"Whether values are rejected that no MAC binds to their rows"`
}

// keyCountJSON is how many values a key encrypts.
type keyCountJSON struct {
	Fingerprint string `json:"fingerprint"`
	Values      int64  `json:"values"`
}

// replicaJSON is a replica.
type replicaJSON struct {
	ID      string `json:"id"`
	Version string `json:"version"`
}

type statusOutput struct {
	Body statusJSON
}

func (a *API) status(ctx context.Context, _ *struct{}) (*statusOutput, error) {
	status, err := a.ring.Status(ctx, rest.CallerOf(ctx))
	if err != nil {
		return nil, err
	}
	out := &statusOutput{statusJSON{
		Current: rest.OrNull(status.Current), First: rest.OrNull(status.First),
		Lacking: make([]replicaJSON, len(status.Lacking)), Keys: make([]keyCountJSON, 0, len(status.Keys)),
		Unreadable: status.Unreadable, Unbound: status.Unbound, Enforced: status.Enforced,
	}}
	for i, replica := range status.Lacking {
		out.Body.Lacking[i] = replicaJSON{ID: replica.ID, Version: replica.Version}
	}
	for _, k := range status.Keys {
		if k.Fingerprint != "" {
			out.Body.Keys = append(out.Body.Keys, keyCountJSON(k))
		}
	}
	return out, nil
}

// rotateJSON is the body of a rotation.
type rotateJSON struct {
	After string `json:"after,omitzero" doc:"The next of the response before; the first value if not given"`
	Limit int    `json:"limit,omitzero" minimum:"1" maximum:"10000" doc:"How many are examined; 1000 if not given"`
}

// rotatedJSON is the result of a rotation.
type rotatedJSON struct {
	Examined   int    `json:"examined"`
	Current    string `json:"current" doc:"The fingerprint of the key under which values are encrypted now"`
	Rotated    int    `json:"rotated"`
	Bound      int    `json:"bound" doc:"Values under the current key that had no MAC"`
	Unreadable int    `json:"unreadable" doc:"Values that no key of this replica opens; they stay as they are"`
	Tampered   int    `json:"tampered" doc:"Values that do not belong to their rows; they stay as they are"`
	Next       string `json:"next,omitzero" doc:"Where to continue; left out at the end"`
}

type rotateInput struct {
	Body rotateJSON
}

type rotateOutput struct {
	Body rotatedJSON
}

// defaultLimit is how many values are examined where no limit is given.
const defaultLimit = 1000

func (a *API) rotate(ctx context.Context, in *rotateInput) (*rotateOutput, error) {
	after, err := parsePlace(in.Body.After)
	if err != nil {
		return nil, err
	}
	limit := in.Body.Limit
	if limit == 0 {
		limit = defaultLimit
	}
	rotated, err := a.ring.Rotate(ctx, rest.CallerOf(ctx), after, limit)
	if err != nil {
		return nil, err
	}
	return &rotateOutput{rotatedJSON{
		Current: rotated.Current, Examined: rotated.Examined, Rotated: rotated.Rotated, Bound: rotated.Bound,
		Unreadable: rotated.Unreadable, Tampered: rotated.Tampered, Next: placeText(rotated.Next),
	}}, nil
}

// placeText writes a place as "kind.id", and the zero place as the empty text.
func placeText(p configuration.TokenPlace) string {
	if p == (configuration.TokenPlace{}) {
		return ""
	}
	return strconv.Itoa(int(p.Kind)) + "." + strconv.FormatInt(p.ID, 10)
}

func parsePlace(text string) (configuration.TokenPlace, error) {
	if text == "" {
		return configuration.TokenPlace{}, nil
	}
	kind, id, _ := strings.Cut(text, ".")
	k, kindErr := strconv.Atoi(kind)
	n, idErr := strconv.ParseInt(id, 10, 64)
	last := int(configuration.NewToken)
	if kindErr != nil || idErr != nil || k < 1 || k > last || n < 1 {
		return configuration.TokenPlace{}, fault.Bad("after", "is none: take the next of a response, or leave it out")
	}
	return configuration.TokenPlace{Kind: configuration.TokenKind(k), ID: n}, nil
}
