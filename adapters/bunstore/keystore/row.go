package keystore

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/column"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

type keyRow struct {
	bun.BaseModel `bun:"table:api_keys,alias:k"`

	ID   string `bun:",pk"`
	Name string
	// Role, Reveal and Environment describe the key to earlier versions.
	Role        string
	Reveal      bool
	Environment string
	Digest      []byte
	CreatedAt   column.Timestamp
	ExpiresAt   column.Timestamp
	RevokedAt   column.Timestamp
	// Grants is NULL in rows of earlier versions.
	Grants         *string
	CreatedBy      string
	CreatedByKey   string
	NotBefore      column.Timestamp
	Networks       string
	Labels         string
	LastUsedAt     column.Timestamp
	RotatedAt      column.Timestamp
	OverlapEndsAt  column.Timestamp
	PreviousDigest []byte
	LoginBinding   string
	LoginIssuer    string
	LoginSubject   string
}

// scoped is the role of a key that earlier versions reject.
const scoped = "scoped"

// grantJSON is the stored form of a grant.
type grantJSON struct {
	Role         string   `json:"role"`
	Reveal       bool     `json:"reveal,omitempty"`
	Environments []string `json:"environments,omitempty"`
	Services     []string `json:"services,omitempty"`
	Prefixes     []string `json:"prefixes,omitempty"`
}

func rowOf(k *access.APIKey) (keyRow, error) {
	a := k.Attributes()
	grants, grantsErr := json.Marshal(grantsJSON(a.Grants))
	networks, networksErr := json.Marshal(append([]netip.Prefix{}, a.Networks...))
	labels := []byte("{}")
	var labelsErr error
	if len(a.Labels) > 0 {
		labels, labelsErr = json.Marshal(a.Labels)
	}
	if err := errors.Join(grantsErr, networksErr, labelsErr); err != nil {
		return keyRow{}, fmt.Errorf("encode an API key: %w", err)
	}
	current, previous := k.Digests()
	r := keyRow{
		ID: a.ID, Name: a.Name, Digest: current, PreviousDigest: previous,
		CreatedAt: column.Time(a.Created), ExpiresAt: column.Time(a.Expires), RevokedAt: column.Time(a.Revoked),
		Grants: new(string(grants)), CreatedByKey: a.CreatedBy.KeyID, CreatedBy: a.CreatedBy.Name,
		NotBefore: column.Time(a.NotBefore), Networks: string(networks), Labels: string(labels),
		LastUsedAt: column.Time(a.LastUsed), RotatedAt: column.Time(a.Rotated),
		OverlapEndsAt: column.Time(a.OverlapEnds),
		LoginBinding:  a.Login.BindingID, LoginIssuer: a.Login.IssuerID, LoginSubject: a.Login.Subject,
	}
	r.Role, r.Reveal, r.Environment = earlierForm(a)
	return r, nil
}

// earlierForm returns the role, the right to reveal and the environment that earlier
// versions read. They know neither areas, networks nor a beginning, and must not allow more.
func earlierForm(a access.KeyAttributes) (role string, reveal bool, environment string) {
	if len(a.Grants) == 0 || len(a.Networks) > 0 || !a.NotBefore.IsZero() || !a.Login.IsZero() {
		return scoped, false, ""
	}
	if a.FullAdmin() {
		return access.RoleAdmin.String(), true, ""
	}
	g := a.Grants[0]
	switch area := g.Area; {
	case len(a.Grants) > 1:
	case area.IsAll() && (g.Role == access.RoleReader || g.Role == access.RoleService):
		return g.Role.String(), g.Reveal, ""
	case g.Role == access.RoleEvaluator && len(area.Environments) == 1 && len(area.Services)+len(area.Prefixes) == 0:
		return g.Role.String(), false, area.Environments[0].String()
	}
	return scoped, false, ""
}

func grantsJSON(grants []access.Grant) []grantJSON {
	list := make([]grantJSON, len(grants))
	for i, g := range grants {
		list[i] = grantJSON{Role: g.Role.String(), Reveal: g.Reveal, Prefixes: g.Area.Prefixes}
		for _, e := range g.Area.Environments {
			list[i].Environments = append(list[i].Environments, e.String())
		}
		for _, s := range g.Area.Services {
			list[i].Services = append(list[i].Services, s.String())
		}
	}
	return list
}

func keyOf(id string) bunstore.RowKey { return bunstore.RowKey{Table: "api_keys", ID: id} }

// RowKey identifies the row.
func (r keyRow) RowKey() bunstore.RowKey { return keyOf(r.ID) }

// Rehydrate returns the key. One of a role that this version does not know is damaged:
// it allows nothing.
func (r keyRow) Rehydrate(unread error) (*access.APIKey, error) {
	grants, grantsErr := r.grants()
	var networks []netip.Prefix
	var labels map[string]string
	networksErr := json.Unmarshal([]byte(r.Networks), &networks)
	labelsErr := json.Unmarshal([]byte(r.Labels), &labels)
	if len(networks) == 0 {
		networks = nil
	}
	if len(labels) == 0 {
		labels = nil
	}
	err := bunstore.CheckRow(r.RowKey(), !r.RevokedAt.IsZero(), unread, grantsErr, networksErr, labelsErr,
		column.CheckText("name", r.Name), column.CheckTimes(r.CreatedAt, r.ExpiresAt, r.RevokedAt, r.NotBefore,
			r.LastUsedAt, r.RotatedAt, r.OverlapEndsAt))
	return access.RehydrateAPIKey(access.KeyAttributes{
		ID: r.ID, Name: column.Printable(r.Name), Grants: grants, Created: r.CreatedAt.Time,
		CreatedBy: scope.Actor{KeyID: r.CreatedByKey, Name: column.Printable(r.CreatedBy)},
		NotBefore: r.NotBefore.Time, Expires: r.ExpiresAt.Time, Revoked: r.RevokedAt.Time,
		Networks: networks, Labels: labels, LastUsed: r.LastUsedAt.Time,
		Rotated: r.RotatedAt.Time, OverlapEnds: r.OverlapEndsAt.Time, Damaged: err != nil,
		Login: access.Login{
			BindingID: r.LoginBinding, IssuerID: r.LoginIssuer, Subject: column.Printable(r.LoginSubject),
		},
	}, r.Digest, r.PreviousDigest), err
}

func (r keyRow) grants() ([]access.Grant, error) {
	if r.Grants == nil {
		return r.earlierGrants()
	}
	var stored []grantJSON
	if err := json.Unmarshal([]byte(*r.Grants), &stored); err != nil {
		return nil, err
	}
	return parseGrants(stored)
}

func (g grantJSON) grant() (access.Grant, error) {
	role, err := access.ParseRole(g.Role)
	if err != nil {
		return access.Grant{}, err
	}
	grant := access.Grant{Role: role, Reveal: g.Reveal, Area: scope.Area{Prefixes: g.Prefixes}}
	for _, name := range g.Environments {
		e, err := scope.ParseEnvironment(name)
		if err != nil {
			return access.Grant{}, err
		}
		grant.Area.Environments = append(grant.Area.Environments, e)
	}
	for _, name := range g.Services {
		s, err := scope.ParseServiceName(name)
		if err != nil {
			return access.Grant{}, err
		}
		grant.Area.Services = append(grant.Area.Services, s)
	}
	return grant, nil
}

// errUnbound is an evaluator of an earlier version without its environment.
var errUnbound = errors.New("an evaluator has no environment")

// earlierGrants returns the grants of a row that an earlier version has written.
func (r keyRow) earlierGrants() ([]access.Grant, error) {
	role, err := access.ParseRole(r.Role)
	if err != nil {
		return nil, err
	}
	grant := access.Grant{Role: role, Reveal: r.Reveal || role == access.RoleAdmin}
	if role == access.RoleEvaluator {
		e, err := scope.ParseEnvironment(r.Environment)
		if r.Environment == "" || err != nil {
			return nil, errors.Join(errUnbound, err)
		}
		grant.Reveal, grant.Area.Environments = false, []scope.Environment{e}
	}
	return []access.Grant{grant}, nil
}
