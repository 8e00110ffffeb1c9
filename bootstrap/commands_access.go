package bootstrap

import (
	"context"
	"time"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/keystore"
	"github.com/signalbox-hq/signalbox/adapters/jwtverifier"
	"github.com/signalbox-hq/signalbox/application/accessapp"
	"github.com/signalbox-hq/signalbox/application/page"
	"github.com/signalbox-hq/signalbox/bootstrap/settings"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/access/trust"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/ports"
)

// accessOf returns the use cases of access on a store.
func accessOf(store *bunstore.Store, s settings.Settings, clock ports.Clock, ids ports.IDs) *accessapp.Service {
	keys := keystore.New(store)
	return newAccess(accessParts{
		Settings: s, Modules: Descriptors(), Keys: keys, Uses: keys, Trust: keystore.NewTrust(store),
		Tokens: jwtverifier.New(), Clock: clock, IDs: ids,
	})
}

// operator is the caller of commands on the database: everything is allowed.
func operator() access.Caller { return access.Caller{Grants: access.Unrestricted()} }

// Now is the time by which keys are valid.
func (d *database) Now() time.Time { return d.clock.Now() }

// Issue creates a key.
func (d *database) Issue(ctx context.Context, in accessapp.Issue) (accessapp.Issued, error) {
	if err := d.ready(ctx); err != nil {
		return accessapp.Issued{}, err
	}
	return d.access.Issue(ctx, operator(), in)
}

// Keys lists keys after one.
func (d *database) Keys(ctx context.Context, after string) ([]access.KeyAttributes, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	window := scope.Window{Limit: page.MaxLimit}
	if after != "" {
		window.After = scope.Position{after}
	}
	found, err := d.access.List(ctx, operator(), window)
	return found.Items, err
}

// Amend changes a key.
func (d *database) Amend(ctx context.Context, in accessapp.Amend) (access.KeyAttributes, error) {
	if err := d.ready(ctx); err != nil {
		return access.KeyAttributes{}, err
	}
	return d.access.Amend(ctx, operator(), in)
}

// Rotate gives a key a new secret.
func (d *database) Rotate(ctx context.Context, id string, overlap time.Duration) (accessapp.Issued, error) {
	if err := d.ready(ctx); err != nil {
		return accessapp.Issued{}, err
	}
	return d.access.Rotate(ctx, operator(), id, overlap)
}

// Revoke revokes a key.
func (d *database) Revoke(ctx context.Context, id string, force bool) error {
	if err := d.ready(ctx); err != nil {
		return err
	}
	return d.access.Revoke(ctx, operator(), id, force)
}

// SetIssuer trusts an issuer.
func (d *database) SetIssuer(ctx context.Context, in accessapp.Issuer) (trust.Issuer, error) {
	if err := d.ready(ctx); err != nil {
		return trust.Issuer{}, err
	}
	return d.access.SetIssuer(ctx, operator(), in)
}

// Issuers lists the issuers.
func (d *database) Issuers(ctx context.Context) ([]trust.Issuer, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	return d.access.Issuers(ctx, operator())
}

// RemoveIssuer deletes an issuer.
func (d *database) RemoveIssuer(ctx context.Context, id string) error {
	if err := d.ready(ctx); err != nil {
		return err
	}
	return d.access.RemoveIssuer(ctx, operator(), id)
}

// SetBinding makes a binding.
func (d *database) SetBinding(ctx context.Context, in accessapp.Binding) (trust.Binding, error) {
	if err := d.ready(ctx); err != nil {
		return trust.Binding{}, err
	}
	return d.access.SetBinding(ctx, operator(), in)
}

// Bindings lists the bindings.
func (d *database) Bindings(ctx context.Context) ([]trust.Binding, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	return d.access.Bindings(ctx, operator())
}

// RemoveBinding deletes a binding.
func (d *database) RemoveBinding(ctx context.Context, id string) error {
	if err := d.ready(ctx); err != nil {
		return err
	}
	return d.access.RemoveBinding(ctx, operator(), id)
}
