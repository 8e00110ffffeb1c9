package accessapi

import (
	"context"
	"time"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest/openapi"
	"github.com/signalbox-hq/signalbox/application/accessapp"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/access/trust"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Target names a key.
type Target struct {
	KeyID string `path:"key_id" doc:"The id of the key: the eight characters after sbx_"`
}

type keyOutput struct {
	Body keyJSON
}

type issuedOutput struct {
	Body issuedJSON
}

type createInput struct {
	Body createJSON
}

type createOutput struct {
	Location string `header:"Location" doc:"The path to read it"`
	Body     issuedJSON
}

func (a *API) create(ctx context.Context, in *createInput) (*createOutput, error) {
	issue := accessapp.Issue{
		Name: in.Body.Name, Grants: grantsOf(in.Body.Grants), Networks: in.Body.Networks, Labels: in.Body.Labels,
	}
	var expiresErr, beginErr error
	if text := in.Body.ExpiresAt; text != nil {
		issue.Expires, expiresErr = moment("expires_at", *text, never)
		issue.Forever = issue.Expires.IsZero()
	}
	if text := in.Body.NotBefore; text != nil {
		issue.NotBefore, beginErr = moment("not_before", *text, "")
	}
	if err := fault.Merge(expiresErr, beginErr); err != nil {
		return nil, err
	}
	issued, err := a.Keys.Issue(ctx, rest.CallerOf(ctx), issue)
	if err != nil {
		return nil, err
	}
	return &createOutput{Location: keysPath + issued.ID, Body: a.representIssued(issued)}, nil
}

func (a *API) representIssued(k accessapp.Issued) issuedJSON {
	return issuedJSON{Key: k.Token.Reveal(), keyJSON: a.represent(k.KeyAttributes)}
}

// never is the end of a key that has none.
const never = "never"

// moment parses a time; none is the text for the zero time, if it is not empty.
func moment(field, text, none string) (time.Time, error) {
	if none != "" && text == none {
		return time.Time{}, nil
	}
	at, err := scope.ParseTime(text)
	if err != nil || at.IsZero() {
		rule := "must be a time such as 2030-01-31T18:00:00Z"
		if none != "" {
			rule += ", or " + none
		}
		return time.Time{}, fault.Bad(field, rule)
	}
	return at.UTC(), nil
}

type listInput struct {
	rest.Page
}

func (a *API) list(ctx context.Context, in *listInput) (*rest.PageOutput, error) {
	body, err := rest.LoadPage(ctx, a.router, 0, func() (accessapp.Listing, rest.Envelope, error) {
		found, err := a.Keys.List(ctx, rest.CallerOf(ctx), in.Window())
		return found, rest.Envelope{Cursor: in.Cursor, List: "keys", Value: listJSON{
			Keys: []keyJSON{}, Total: found.Total, Limit: in.Limit, Offset: in.Offset,
		}}, err
	}, a.represent)
	return &rest.PageOutput{Body: body}, err
}

func (a *API) read(ctx context.Context, in *Target) (*keyOutput, error) {
	found, err := a.Keys.Read(ctx, rest.CallerOf(ctx), in.KeyID)
	if err != nil {
		return nil, err
	}
	return &keyOutput{a.represent(found)}, nil
}

type updateInput struct {
	Target
	Body updateJSON
}

func (a *API) update(ctx context.Context, in *updateInput) (*keyOutput, error) {
	body := in.Body
	change := accessapp.Amend{ID: in.KeyID, Name: body.Name, Networks: body.Networks, Labels: body.Labels}
	if body.Grants != nil {
		change.Grants = new(grantsOf(*body.Grants))
	}
	var expiresErr, beginErr error
	if body.ExpiresAt != nil {
		change.Expires = new(time.Time)
		*change.Expires, expiresErr = moment("expires_at", *body.ExpiresAt, never)
	}
	if body.NotBefore != nil {
		change.NotBefore = new(time.Time)
		*change.NotBefore, beginErr = moment("not_before", *body.NotBefore, "")
	}
	if err := fault.Merge(expiresErr, beginErr); err != nil {
		return nil, err
	}
	changed, err := a.Keys.Amend(ctx, rest.CallerOf(ctx), change)
	if err != nil {
		return nil, err
	}
	return &keyOutput{a.represent(changed)}, nil
}

func (a *API) revoke(ctx context.Context, in *Target) (*struct{}, error) {
	return nil, a.Keys.Revoke(ctx, rest.CallerOf(ctx), in.KeyID, false)
}

type rotateInput struct {
	Target
	Body rotateJSON
}

func (a *API) rotate(ctx context.Context, in *rotateInput) (*issuedOutput, error) {
	overlap := time.Duration(in.Body.OverlapSeconds) * time.Second
	issued, err := a.Keys.Rotate(ctx, rest.CallerOf(ctx), in.KeyID, overlap)
	if err != nil {
		return nil, err
	}
	return &issuedOutput{a.representIssued(issued)}, nil
}

type checkInput struct {
	Body checkJSON
}

type checkOutput struct {
	Body decisionJSON
}

func (a *API) check(ctx context.Context, in *checkInput) (*checkOutput, error) {
	check := accessapp.Check{Action: in.Body.Action, KeyID: in.Body.KeyID}
	if r := in.Body.Resource; r != nil {
		check.Environment, check.ServiceName, check.Name = r.Environment, r.ServiceName, r.Name
	}
	decided, err := a.Keys.Check(ctx, rest.CallerOf(ctx), check)
	if err != nil {
		return nil, err
	}
	return &checkOutput{representDecision(decided, in.Body.Action)}, nil
}

// texts are the constraints of the strings of this module, for the document. The domain
// checks them.
func texts() map[string]openapi.Text {
	return map[string]openapi.Text{
		"key_id":            {Most: access.KeyIDLength},
		"created_by_key_id": {Most: access.KeyIDLength},
		"issuer_id":         {Most: access.KeyIDLength},
		"binding_id":        {Most: access.KeyIDLength},
		"token":             {Most: trust.MaxTokenBytes},
	}
}

// examples are bodies of requests, by operation.
//
//nolint:gosec // they have no secrets
func examples() map[string]string {
	return map[string]string{
		"create-api-key": `{"name": "web", "grants": [{"role": "evaluator", "environments": ["production"]}]}`,
		"update-api-key": `{"expires_at": "never", "labels": {"team": "web"}}`,
		"rotate-api-key": `{"overlap_seconds": 3600}`,
		"check-access": `{"action": "configuration.read", ` +
			`"resource": {"environment": "production", "service_name": "shop", "name": "database.url"}}`,
		"login-with-token": `{"token": "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJodHRwczovL2EuZXhhbXBsZSJ9.c2lnbmF0dXJl"}`,
		"create-issuer": `{"name": "ci", "issuer": "https://token.actions.githubusercontent.com", ` +
			`"audiences": ["https://signalbox.example.com"]}`,
		"update-issuer": `{"direct": true}`,
		"create-binding": `{"name": "deploy-shop", "issuer_id": "4mWq0tXb", "subjects": ["repo:acme/shop:*"], ` +
			`"claims": {"/ref": ["refs/heads/main"]}, "grants": [{"role": "editor", "environments": ["staging"]}]}`,
		"update-binding": `{"ttl_seconds": 900}`,
	}
}
