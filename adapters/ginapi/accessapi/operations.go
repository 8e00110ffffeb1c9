package accessapi

import (
	"context"
	"net/http"
	"time"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
	"github.com/signalbox-hq/signalbox/application/accessapp"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Keys are the use cases of API keys, as accessapp.Service implements them.
type Keys interface {
	Issue(ctx context.Context, by access.Caller, in accessapp.Issue) (accessapp.Issued, error)
	Read(ctx context.Context, by access.Caller, id string) (access.KeyAttributes, error)
	List(ctx context.Context, by access.Caller, w scope.Window) (accessapp.Listing, error)
	Amend(ctx context.Context, by access.Caller, in accessapp.Amend) (access.KeyAttributes, error)
	Rotate(ctx context.Context, by access.Caller, id string, overlap time.Duration) (accessapp.Issued, error)
	Revoke(ctx context.Context, by access.Caller, id string, force bool) error
	Check(ctx context.Context, by access.Caller, in accessapp.Check) (accessapp.Checked, error)
}

// The paths of API keys.
const (
	keysPath  = rest.BasePath + "/access/keys/"
	keyPath   = keysPath + "{key_id}"
	checkPath = rest.BasePath + "/access/check"
)

const tag = "access"

// Dependencies are what the operations are made of.
type Dependencies struct {
	Keys  Keys
	Trust Trust
	// Now returns the time by which keys are valid.
	Now func() time.Time
}

// API serves the operations.
type API struct {
	Dependencies

	router *rest.Router
}

// New returns the operations over their use cases.
func New(d Dependencies) *API { return &API{Dependencies: d} }

// Register adds the operations to a router.
func (a *API) Register(r *rest.Router) {
	a.router = r
	r.DescribeTag(tag, "API keys: what they allow, from where and until when; trusted tokens of other parties.")
	rest.PrefixSchemas[keyJSON](r, "Access")
	r.Constrain(texts())
	a.registerKeys(r)
	a.registerTrust(r)
	rest.Typed(r, rest.Operation{
		ID: "check-access", Example: examples()["check-access"],
		Method: http.MethodPost, Path: checkPath, Tag: tag, Authenticated: true,
		Summary:  "Decide whether the caller, or a key that it manages, is allowed an action, and why",
		Problems: []int{http.StatusNotFound},
	}, a.check)
}

func (a *API) registerKeys(r *rest.Router) {
	rest.Typed(r, rest.Operation{
		ID: "create-api-key", Example: examples()["create-api-key"],
		Method: http.MethodPost, Path: keysPath, Tag: tag,
		Summary: "Create an API key, whose secret is shown here and never again", Action: access.ManageKeys,
		Status: http.StatusCreated, Problems: []int{http.StatusConflict},
	}, a.create)
	rest.Typed(r, rest.Operation{
		ID: "list-api-keys", Method: http.MethodGet, Path: keysPath, Tag: tag,
		Summary: "List the API keys that the caller may manage, the oldest first", Action: access.ManageKeys,
		Responses: []rest.Response{rest.JSON[listJSON](http.StatusOK)}, WithoutMinRevision: true,
	}, a.list)
	rest.Typed(r, rest.Operation{
		ID: "read-api-key", Method: http.MethodGet, Path: keyPath, Tag: tag,
		Summary: "Read what an API key allows", Action: access.ManageKeys,
		Problems: []int{http.StatusNotFound}, WithoutMinRevision: true,
	}, a.read)
	rest.Typed(r, rest.Operation{
		ID: "update-api-key", Example: examples()["update-api-key"],
		Method: http.MethodPatch, Path: keyPath, Tag: tag,
		Summary: "Change what an API key allows, its name, its times, its networks or its labels",
		Action:  access.ManageKeys, Problems: []int{http.StatusNotFound, http.StatusConflict},
	}, a.update)
	rest.Typed(r, rest.Operation{
		ID: "revoke-api-key", Method: http.MethodDelete, Path: keyPath, Tag: tag,
		Summary: "Revoke an API key, on every replica within two seconds", Action: access.ManageKeys,
		Status: http.StatusNoContent, Problems: []int{http.StatusNotFound, http.StatusConflict},
	}, a.revoke)
	rest.Typed(r, rest.Operation{
		ID: "rotate-api-key", Example: examples()["rotate-api-key"],
		Method: http.MethodPost, Path: keyPath + "/rotate", Tag: tag,
		Summary: "Give an API key a new secret, which is shown here and never again", Action: access.ManageKeys,
		Problems: []int{http.StatusNotFound, http.StatusConflict},
	}, a.rotate)
}
