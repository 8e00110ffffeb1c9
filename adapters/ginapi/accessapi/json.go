package accessapi

import (
	"net/netip"
	"time"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
	"github.com/signalbox-hq/signalbox/application/accessapp"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

func (a *API) represent(k access.KeyAttributes) keyJSON {
	shown := keyJSON{
		ID: k.ID, Name: k.Name, Status: string(k.Status(a.Now())), Grants: make([]grantJSON, len(k.Grants)),
		CreatedAt: rest.Time(k.Created), CreatedByKeyID: rest.OrNull(k.CreatedBy.KeyID),
		NotBefore: momentOrNull(k.NotBefore), ExpiresAt: momentOrNull(k.Expires), RevokedAt: momentOrNull(k.Revoked),
		LastUsedAt: momentOrNull(k.LastUsed), RotatedAt: momentOrNull(k.Rotated),
		OverlapEndsAt: momentOrNull(k.OverlapEnds), Networks: textsOf(k.Networks), Labels: k.Labels,
	}
	if k.CreatedBy.KeyID != "" {
		shown.CreatedBy = &k.CreatedBy.Name
	}
	if shown.Labels == nil {
		shown.Labels = map[string]string{}
	}
	for i, g := range k.Grants {
		shown.Grants[i] = representGrant(g)
	}
	return shown
}

func representGrant(g access.Grant) grantJSON {
	shown := grantJSON{Role: g.Role.String(), Reveal: g.Reveal, Prefixes: g.Area.Prefixes}
	if len(g.Area.Environments) > 0 {
		shown.Environments = textsOf(g.Area.Environments)
	}
	if len(g.Area.Services) > 0 {
		shown.Services = textsOf(g.Area.Services)
	}
	return shown
}

func textsOf[T scope.Environment | scope.ServiceName | netip.Prefix](list []T) []string {
	texts := make([]string, len(list))
	for i, one := range list {
		texts[i] = any(one).(interface{ String() string }).String() //nolint:forcetypeassert,errcheck // all have it
	}
	return texts
}

func momentOrNull(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	return new(rest.Time(t))
}

func grantsOf(in []grantJSON) []accessapp.Grant {
	grants := make([]accessapp.Grant, len(in))
	for i, g := range in {
		grants[i] = accessapp.Grant{
			Role: g.Role, Reveal: g.Reveal, Environments: g.Environments, Services: g.Services, Prefixes: g.Prefixes,
		}
	}
	return grants
}

// representDecision shows a decision with its reason as a sentence.
func representDecision(d accessapp.Checked, action string) decisionJSON {
	shown := decisionJSON{Allowed: d.Allowed, Reason: string(d.Reason)}
	if d.By != nil {
		shown.Grant = new(representGrant(*d.By))
	}
	switch d.Reason {
	case access.Granted:
		shown.Detail = "A grant of the role " + d.By.Role.String() + " allows " + action + " on this resource."
	case access.NotGranted:
		shown.Detail = "No grant allows " + action + " on any resource."
	case access.OutOfScope:
		shown.Detail = "Grants allow " + action +
			", on other resources: this one has another environment, service or name."
	default:
		shown.Detail = "The key is not valid; its status is " + string(d.Status) + "."
	}
	return shown
}
