package auditapi

import (
	"context"
	"net/http"
	"time"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
	"github.com/signalbox-hq/signalbox/application/auditapp"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/audit"
	"github.com/signalbox-hq/signalbox/domain/fault"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/versioned"
)

// Audit are the use cases of the audit log, as auditapp.Service implements them.
type Audit interface {
	List(ctx context.Context, by access.Caller, in auditapp.List) (versioned.Page[auditapp.Shown], error)
	Verify(ctx context.Context, by access.Caller, from, to int64) (auditapp.Verified, error)
	Head(ctx context.Context, by access.Caller) (sequence int64, hash string, err error)
}

const (
	auditPath = rest.BasePath + "/audit/"
	tag       = "audit"
)

// API serves the operations.
type API struct{ audit Audit }

// New returns the operations over their use cases.
func New(a Audit) *API { return &API{audit: a} }

// Register adds the operations to a router.
func (a *API) Register(r *rest.Router) {
	r.DescribeTag(tag, "The audit log: what was done, denied and revealed, chained by hashes.")
	rest.PrefixSchemas[entryJSON](r, "Audit")
	rest.Typed(r, rest.Operation{
		ID: "list-audit-entries", Method: http.MethodGet, Path: auditPath, Tag: tag, WithoutMinRevision: true,
		Summary: "List what was done, denied and revealed, the newest first", Action: access.ReadAudit,
	}, a.list)
	rest.Typed(r, rest.Operation{
		ID: "verify-audit-log", Method: http.MethodGet, Path: auditPath + "verify", Tag: tag, WithoutMinRevision: true,
		Summary: "Verify the chain of the audit log, at most 50,000 entries at once", Action: access.ReadAudit,
	}, a.verify)
	rest.Typed(r, rest.Operation{
		ID: "read-audit-head", Method: http.MethodGet, Path: auditPath + "head", Tag: tag, WithoutMinRevision: true,
		Summary: "Read the end of the audit log, to keep it elsewhere", Action: access.ReadAudit,
	}, a.head)
}

type listInput struct {
	ActorKeyID   string `query:"actor_key_id" doc:"Only of this key"`
	Action       string `query:"action" doc:"Only this one, such as configuration.updated"`
	ResourceType string `query:"resource_type" maxLength:"100" doc:"Only of this type, such as configuration"`
	Environment  string `query:"environment" maxLength:"50"`
	ServiceName  string `query:"service_name" maxLength:"100"`
	Name         string `query:"name" doc:"The key of a configuration, or the name of a flag, service or key"`
	Outcome      string `query:"outcome" doc:"done, denied or failed"`
	From         string `query:"from" doc:"From this time on, as RFC 3339 writes it"`
	To           string `query:"to" doc:"Before this time"`
	Limit        int    `query:"limit" default:"100" minimum:"1" maximum:"1000" doc:"How many at most"`
	rest.Cursor
}

type listOutput struct {
	Body listJSON
}

func (a *API) list(ctx context.Context, in *listInput) (*listOutput, error) {
	from, fromErr := moment("from", in.From)
	to, toErr := moment("to", in.To)
	if err := fault.Merge(fromErr, toErr); err != nil {
		return nil, err
	}
	found, err := a.audit.List(ctx, rest.CallerOf(ctx), auditapp.List{
		ActorKeyID: in.ActorKeyID, Action: in.Action, ResourceType: in.ResourceType, Environment: in.Environment,
		ServiceName: in.ServiceName, Name: in.Name, Outcome: in.Outcome, From: from, To: to,
		Window: in.Window(in.Limit),
	})
	if err != nil {
		return nil, err
	}
	out := &listOutput{listJSON{Entries: make([]entryJSON, len(found.Items)), Next: rest.Next(found)}}
	for i, e := range found.Items {
		out.Body.Entries[i] = represent(e)
	}
	return out, nil
}

func moment(field, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, err := scope.ParseTime(text)
	at = at.UTC()
	if err != nil || at.Year() < 1970 || at.Year() > 9999 {
		return time.Time{}, fault.Bad(field, "must be a time in the years 1970 to 9999, such as 2030-01-31T18:00:00Z")
	}
	return at, nil
}

func represent(e auditapp.Shown) entryJSON {
	shown := entryJSON{
		Sequence: e.Sequence, At: rest.Time(e.At), Actor: actorJSON{KeyID: e.Actor.KeyID, Name: e.Actor.Name},
		Source: e.Source, RequestID: e.RequestID, Action: e.Action, Outcome: string(e.Outcome),
		Resource: resourceJSON{
			Type: e.Resource.Type, ID: e.Resource.ID, Environment: e.Resource.Environment,
			ServiceName: e.Resource.ServiceName, Name: e.Resource.Name,
		},
		VersionBefore: e.VersionBefore, VersionAfter: e.VersionAfter, Count: e.Count, Facts: e.Facts,
		Hash: e.Hash, Damaged: e.Damaged,
	}
	if shown.Facts == nil {
		shown.Facts = map[string]string{}
	}
	if e.Damaged {
		shown.Outcome = "done"
	}
	return shown
}

type verifyInput struct {
	From int64 `query:"from" minimum:"0" doc:"The first entry to check, which the log has; its first if not given"`
	To   int64 `query:"to" minimum:"0" doc:"The last entry to check; the last of all if not given"`
}

type verifyOutput struct {
	Body verifiedJSON
}

func (a *API) verify(ctx context.Context, in *verifyInput) (*verifyOutput, error) {
	v, err := a.audit.Verify(ctx, rest.CallerOf(ctx), in.From, in.To)
	if err != nil {
		return nil, err
	}
	out := &verifyOutput{verifiedJSON{
		Intact: v.Broken == nil, From: v.From, To: v.To, Checked: v.Checked(), Next: v.Next,
		Start: representHead(v.Start), Head: representHead(v.Head),
	}}
	if v.Broken != nil {
		out.Body.Broken = &brokenJSON{Sequence: v.Broken.Sequence, Reason: v.Broken.Reason}
	}
	return out, nil
}

func representHead(h audit.Head) headJSON { return headJSON{Sequence: h.Sequence, Hash: h.Text()} }

type headOutput struct {
	Body headJSON
}

func (a *API) head(ctx context.Context, _ *struct{}) (*headOutput, error) {
	sequence, hash, err := a.audit.Head(ctx, rest.CallerOf(ctx))
	if err != nil {
		return nil, err
	}
	return &headOutput{headJSON{Sequence: sequence, Hash: hash}}, nil
}
