package accessapi

import (
	"context"
	"net/http"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
	"github.com/signalbox-hq/signalbox/application/accessapp"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/access/trust"
	"github.com/signalbox-hq/signalbox/domain/secret"
)

// Trust are the use cases of issuers, bindings and logins, as accessapp.Service implements
// them.
type Trust interface {
	Issuers
	Bindings
	Login(ctx context.Context, by access.Caller, in accessapp.Login) (accessapp.Issued, error)
}

// Issuers are the use cases of issuers.
type Issuers interface {
	SetIssuer(ctx context.Context, by access.Caller, in accessapp.Issuer) (trust.Issuer, error)
	Issuers(ctx context.Context, by access.Caller) ([]trust.Issuer, error)
	Issuer(ctx context.Context, by access.Caller, id string) (trust.Issuer, error)
	RemoveIssuer(ctx context.Context, by access.Caller, id string) error
}

// Bindings are the use cases of bindings.
type Bindings interface {
	SetBinding(ctx context.Context, by access.Caller, in accessapp.Binding) (trust.Binding, error)
	Bindings(ctx context.Context, by access.Caller) ([]trust.Binding, error)
	Binding(ctx context.Context, by access.Caller, id string) (trust.Binding, error)
	RemoveBinding(ctx context.Context, by access.Caller, id string) error
}

// The paths of issuers, bindings and logins.
const (
	issuersPath  = rest.BasePath + "/access/issuers/"
	issuerPath   = issuersPath + "{issuer_id}"
	bindingsPath = rest.BasePath + "/access/bindings/"
	bindingPath  = bindingsPath + "{binding_id}"
	loginPath    = rest.BasePath + "/access/login/jwt"
)

// loginBytes bounds the body of a login, which needs no key.
const loginBytes = 2 * trust.MaxTokenBytes

func (a *API) registerTrust(r *rest.Router) {
	r.AddRealm(rest.Realm{Contains: rest.ExactPath(loginPath), Authentication: rest.Deferred})
	rest.Typed(r, rest.Operation{
		ID: "login-with-token", Example: examples()["login-with-token"],
		Method: http.MethodPost, Path: loginPath, Tag: tag, Open: true, BodyLimit: loginBytes,
		Summary: "Log in with a token (JWT) of a trusted issuer: get a key that is valid for an hour or less",
		Status:  http.StatusCreated,
		Problems: []int{
			http.StatusUnauthorized, http.StatusForbidden, http.StatusConflict, http.StatusUnprocessableEntity,
		},
	}, a.login)
	a.registerIssuers(r)
	a.registerBindings(r)
}

func (a *API) registerIssuers(r *rest.Router) {
	rest.Typed(r, rest.Operation{
		ID: "create-issuer", Example: examples()["create-issuer"],
		Method: http.MethodPost, Path: issuersPath, Tag: tag,
		Summary: "Trust the tokens of an issuer", Action: access.ManageKeys,
		Status: http.StatusCreated, Problems: []int{http.StatusConflict},
	}, a.createIssuer)
	rest.Typed(r, rest.Operation{
		ID: "list-issuers", Method: http.MethodGet, Path: issuersPath, Tag: tag,
		Summary: "List the issuers whose tokens are trusted", Action: access.ManageKeys, WithoutMinRevision: true,
	}, a.listIssuers)
	rest.Typed(r, rest.Operation{
		ID: "read-issuer", Method: http.MethodGet, Path: issuerPath, Tag: tag,
		Summary: "Read how an issuer is trusted", Action: access.ManageKeys,
		Problems: []int{http.StatusNotFound}, WithoutMinRevision: true,
	}, a.readIssuer)
	rest.Typed(r, rest.Operation{
		ID: "update-issuer", Example: examples()["update-issuer"],
		Method: http.MethodPatch, Path: issuerPath, Tag: tag,
		Summary: "Change how an issuer is trusted; the keys of its logins end, unless its name alone changes",
		Action:  access.ManageKeys, Problems: []int{http.StatusNotFound, http.StatusConflict},
	}, a.updateIssuer)
	rest.Typed(r, rest.Operation{
		ID: "delete-issuer", Method: http.MethodDelete, Path: issuerPath, Tag: tag,
		Summary: "End the trust in an issuer, which has no bindings any more", Action: access.ManageKeys,
		Status: http.StatusNoContent, Problems: []int{http.StatusNotFound, http.StatusConflict},
	}, a.deleteIssuer)
}

func (a *API) registerBindings(r *rest.Router) {
	rest.Typed(r, rest.Operation{
		ID: "create-binding", Example: examples()["create-binding"],
		Method: http.MethodPost, Path: bindingsPath, Tag: tag,
		Summary: "Give grants to tokens of an issuer, by their subject and claims", Action: access.ManageKeys,
		Status: http.StatusCreated, Problems: []int{http.StatusConflict},
	}, a.createBinding)
	rest.Typed(r, rest.Operation{
		ID: "list-bindings", Method: http.MethodGet, Path: bindingsPath, Tag: tag,
		Summary: "List the bindings that the caller may manage", Action: access.ManageKeys, WithoutMinRevision: true,
	}, a.listBindings)
	rest.Typed(r, rest.Operation{
		ID: "read-binding", Method: http.MethodGet, Path: bindingPath, Tag: tag,
		Summary: "Read what a binding allows to which tokens", Action: access.ManageKeys,
		Problems: []int{http.StatusNotFound}, WithoutMinRevision: true,
	}, a.readBinding)
	rest.Typed(r, rest.Operation{
		ID: "update-binding", Example: examples()["update-binding"],
		Method: http.MethodPatch, Path: bindingPath, Tag: tag,
		Summary: "Change a binding; the keys of its logins end, unless its name alone changes",
		Action:  access.ManageKeys, Problems: []int{http.StatusNotFound, http.StatusConflict},
	}, a.updateBinding)
	rest.Typed(r, rest.Operation{
		ID: "delete-binding", Method: http.MethodDelete, Path: bindingPath, Tag: tag,
		Summary: "Remove a binding; the keys of its logins end", Action: access.ManageKeys,
		Status: http.StatusNoContent, Problems: []int{http.StatusNotFound},
	}, a.deleteBinding)
}

type loginInput struct {
	Body loginJSON
}

type loginOutput struct {
	Body issuedJSON
}

func (a *API) login(ctx context.Context, in *loginInput) (*loginOutput, error) {
	by := access.Caller{From: rest.OriginOf(ctx), RequestID: rest.RequestIDOf(ctx)}
	issued, err := a.Trust.Login(ctx, by, accessapp.Login{
		Token: secret.New(in.Body.Token), Binding: in.Body.Binding,
	})
	if err != nil {
		return nil, a.router.LimitLogin(ctx, err)
	}
	return &loginOutput{a.representIssued(issued)}, nil
}

// IssuerTarget names an issuer.
type IssuerTarget struct {
	IssuerID string `path:"issuer_id" doc:"The id of the issuer"`
}

type issuerOutput struct {
	Body issuerJSON
}

type createIssuerInput struct {
	Body issuerCreateJSON
}

type createIssuerOutput struct {
	Location string `header:"Location" doc:"The path to read it"`
	Body     issuerJSON
}

func (a *API) createIssuer(ctx context.Context, in *createIssuerInput) (*createIssuerOutput, error) {
	b := in.Body
	set := accessapp.Issuer{
		Name: &b.Name, URL: &b.Issuer, KeySet: keySetText(b.JWKS), Audiences: &b.Audiences, Skew: secondsOf(b.Skew),
		Direct: &b.Direct,
	}
	if b.Algorithms != nil {
		set.Algorithms = &b.Algorithms
	}
	made, err := a.Trust.SetIssuer(ctx, rest.CallerOf(ctx), set)
	if err != nil {
		return nil, err
	}
	return &createIssuerOutput{Location: issuersPath + made.ID, Body: representIssuer(made)}, nil
}

type issuersOutput struct {
	Body issuersJSON
}

func (a *API) listIssuers(ctx context.Context, _ *struct{}) (*issuersOutput, error) {
	found, err := a.Trust.Issuers(ctx, rest.CallerOf(ctx))
	if err != nil {
		return nil, err
	}
	out := &issuersOutput{issuersJSON{Issuers: make([]issuerJSON, len(found))}}
	for i, one := range found {
		out.Body.Issuers[i] = representIssuer(one)
	}
	return out, nil
}

func (a *API) readIssuer(ctx context.Context, in *IssuerTarget) (*issuerOutput, error) {
	found, err := a.Trust.Issuer(ctx, rest.CallerOf(ctx), in.IssuerID)
	if err != nil {
		return nil, err
	}
	return &issuerOutput{representIssuer(found)}, nil
}

type updateIssuerInput struct {
	IssuerTarget
	Body issuerUpdateJSON
}

func (a *API) updateIssuer(ctx context.Context, in *updateIssuerInput) (*issuerOutput, error) {
	b := in.Body
	keys, err := patchedKeySet(b.JWKS.Text)
	if err != nil {
		return nil, err
	}
	changed, err := a.Trust.SetIssuer(ctx, rest.CallerOf(ctx), accessapp.Issuer{
		ID: in.IssuerID, Name: b.Name, URL: b.Issuer, KeySet: keys, Audiences: b.Audiences,
		Algorithms: b.Algorithms, Skew: secondsOf(b.Skew), Direct: b.Direct,
	})
	if err != nil {
		return nil, err
	}
	return &issuerOutput{representIssuer(changed)}, nil
}

func (a *API) deleteIssuer(ctx context.Context, in *IssuerTarget) (*struct{}, error) {
	return nil, a.Trust.RemoveIssuer(ctx, rest.CallerOf(ctx), in.IssuerID)
}

// BindingTarget names a binding.
type BindingTarget struct {
	BindingID string `path:"binding_id" doc:"The id of the binding"`
}

type bindingOutput struct {
	Body bindingJSON
}

type createBindingInput struct {
	Body bindingCreateJSON
}

type createBindingOutput struct {
	Location string `header:"Location" doc:"The path to read it"`
	Body     bindingJSON
}

func (a *API) createBinding(ctx context.Context, in *createBindingInput) (*createBindingOutput, error) {
	b := in.Body
	made, err := a.Trust.SetBinding(ctx, rest.CallerOf(ctx), accessapp.Binding{
		Name: &b.Name, IssuerID: &b.IssuerID, Subjects: &b.Subjects, Claims: &b.Claims,
		Grants: new(grantsOf(b.Grants)), TTL: secondsOf(b.TTL),
	})
	if err != nil {
		return nil, err
	}
	return &createBindingOutput{Location: bindingsPath + made.ID, Body: representBinding(made)}, nil
}

type bindingsOutput struct {
	Body bindingsJSON
}

func (a *API) listBindings(ctx context.Context, _ *struct{}) (*bindingsOutput, error) {
	found, err := a.Trust.Bindings(ctx, rest.CallerOf(ctx))
	if err != nil {
		return nil, err
	}
	out := &bindingsOutput{bindingsJSON{Bindings: make([]bindingJSON, len(found))}}
	for i, one := range found {
		out.Body.Bindings[i] = representBinding(one)
	}
	return out, nil
}

func (a *API) readBinding(ctx context.Context, in *BindingTarget) (*bindingOutput, error) {
	found, err := a.Trust.Binding(ctx, rest.CallerOf(ctx), in.BindingID)
	if err != nil {
		return nil, err
	}
	return &bindingOutput{representBinding(found)}, nil
}

type updateBindingInput struct {
	BindingTarget
	Body bindingUpdateJSON
}

func (a *API) updateBinding(ctx context.Context, in *updateBindingInput) (*bindingOutput, error) {
	b := in.Body
	change := accessapp.Binding{
		ID: in.BindingID, Name: b.Name, IssuerID: b.IssuerID, Subjects: b.Subjects, Claims: b.Claims,
		TTL: secondsOf(b.TTL),
	}
	if b.Grants != nil {
		change.Grants = new(grantsOf(*b.Grants))
	}
	changed, err := a.Trust.SetBinding(ctx, rest.CallerOf(ctx), change)
	if err != nil {
		return nil, err
	}
	return &bindingOutput{representBinding(changed)}, nil
}

func (a *API) deleteBinding(ctx context.Context, in *BindingTarget) (*struct{}, error) {
	return nil, a.Trust.RemoveBinding(ctx, rest.CallerOf(ctx), in.BindingID)
}
