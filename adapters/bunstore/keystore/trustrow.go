package keystore

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/column"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/access/trust"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

type issuerRow struct {
	bun.BaseModel `bun:"table:access_issuers,alias:ti"`

	ID         string `bun:",pk"`
	Name       string
	Definition string
}

type bindingRow struct {
	bun.BaseModel `bun:"table:access_bindings,alias:tb"`

	ID         string `bun:",pk"`
	IssuerID   string
	Name       string
	Definition string
}

// madeJSON is the time at which something was made, and its author.
type madeJSON struct {
	At    time.Time `json:"created_at"`
	By    string    `json:"created_by,omitempty"`
	ByKey string    `json:"created_by_key,omitempty"`
}

func (m madeJSON) actor() scope.Actor { return scope.Actor{KeyID: m.ByKey, Name: m.By} }

func madeOf(at time.Time, by scope.Actor) madeJSON {
	return madeJSON{At: at.UTC(), By: by.Name, ByKey: by.KeyID}
}

type issuerJSON struct {
	madeJSON

	URL        string   `json:"issuer"`
	KeySet     string   `json:"jwks,omitempty"`
	Audiences  []string `json:"audiences"`
	Algorithms []string `json:"algorithms"`
	Skew       int64    `json:"clock_skew_seconds"`
	Direct     bool     `json:"direct,omitempty"`
}

type bindingJSON struct {
	madeJSON

	Subjects []string            `json:"subjects"`
	Claims   map[string][]string `json:"claims,omitempty"`
	Grants   []grantJSON         `json:"grants"`
	TTL      int64               `json:"ttl_seconds"`
}

func issuerRowOf(i trust.Issuer) (issuerRow, error) {
	text, err := json.Marshal(issuerJSON{
		madeJSON: madeOf(i.Created, i.CreatedBy), URL: i.URL, KeySet: i.KeySet, Audiences: i.Audiences,
		Algorithms: i.Algorithms, Skew: int64(i.Skew / time.Second), Direct: i.Direct,
	})
	if err != nil {
		return issuerRow{}, fmt.Errorf("encode an issuer: %w", err)
	}
	return issuerRow{ID: i.ID, Name: i.Name, Definition: string(text)}, nil
}

func bindingRowOf(b trust.Binding) (bindingRow, error) {
	text, err := json.Marshal(bindingJSON{
		madeJSON: madeOf(b.Created, b.CreatedBy), Subjects: b.Subjects, Claims: b.Claims,
		Grants: grantsJSON(b.Grants), TTL: int64(b.TTL / time.Second),
	})
	if err != nil {
		return bindingRow{}, fmt.Errorf("encode a binding: %w", err)
	}
	return bindingRow{ID: b.ID, IssuerID: b.IssuerID, Name: b.Name, Definition: string(text)}, nil
}

// RowKey names the row where it is reported as damaged.
func (r issuerRow) RowKey() bunstore.RowKey {
	return bunstore.RowKey{Table: "access_issuers", ID: r.ID}
}

// Rehydrate returns the issuer of the row, which is unreadable where there is an error.
func (r issuerRow) Rehydrate(unread error) (trust.Issuer, error) {
	var d issuerJSON
	parseErr := json.Unmarshal([]byte(r.Definition), &d)
	i := trust.Issuer{
		ID: r.ID, Name: r.Name, URL: d.URL, KeySet: d.KeySet, Audiences: d.Audiences, Algorithms: d.Algorithms,
		Skew: time.Duration(d.Skew) * time.Second, Direct: d.Direct, Created: d.At, CreatedBy: d.actor(),
	}
	if unread == nil && parseErr == nil {
		parseErr = new(trust.Policy).SetIssuer(i)
	}
	return i, bunstore.CheckRow(r.RowKey(), false, unread, parseErr, column.CheckText("name", r.Name))
}

// RowKey names the row where it is reported as damaged.
func (r bindingRow) RowKey() bunstore.RowKey {
	return bunstore.RowKey{Table: "access_bindings", ID: r.ID}
}

// Rehydrate returns the binding of the row, which is unreadable where there is an error.
func (r bindingRow) Rehydrate(unread error) (trust.Binding, error) {
	var d bindingJSON
	parseErr := json.Unmarshal([]byte(r.Definition), &d)
	b := trust.Binding{
		ID: r.ID, Name: r.Name, IssuerID: r.IssuerID, Subjects: d.Subjects, Claims: d.Claims,
		TTL: time.Duration(d.TTL) * time.Second, Created: d.At, CreatedBy: d.actor(),
	}
	var grantsErr error
	b.Grants, grantsErr = parseGrants(d.Grants)
	if unread == nil && parseErr == nil && grantsErr == nil {
		parseErr = (&trust.Policy{Issuers: []trust.Issuer{{ID: r.IssuerID}}}).SetBinding(b)
	}
	return b, bunstore.CheckRow(r.RowKey(), false, unread, parseErr, grantsErr, column.CheckText("name", r.Name))
}

func parseGrants(stored []grantJSON) ([]access.Grant, error) {
	grants := make([]access.Grant, len(stored))
	for i, one := range stored {
		var err error
		if grants[i], err = one.grant(); err != nil {
			return nil, err
		}
	}
	return grants, nil
}
