package keystore

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/dberror"
)

// canaryPrefix begins the names of canaries among the server's secrets.
const canaryPrefix = "canary:"

// Canaries store what shows that a secret setting is one that was used on this database.
// None of them reveals a setting.
type Canaries struct{ store *bunstore.Store }

// NewCanaries returns the canaries of a store.
func NewCanaries(store *bunstore.Store) *Canaries { return &Canaries{store: store} }

// Find returns the canaries of a kind by the fingerprints of their settings.
func (c *Canaries) Find(ctx context.Context, kind string) (map[string]string, error) {
	const most = 1000
	var rows []secretRow
	prefix := canaryPrefix + kind + ":"
	q := bunstore.WherePrefix(c.store.NewSelect().Model((*secretRow)(nil)), "name", prefix)
	if err := bunstore.ScanSelect(ctx, q, most, &rows); err != nil {
		return nil, dberror.Translate(err, "load the canaries", nil)
	}
	found := map[string]string{}
	for _, r := range rows {
		found[r.Name[len(prefix):]] = r.Value
	}
	return found, nil
}

// Keep stores a canary unless there is one of that fingerprint.
func (c *Canaries) Keep(ctx context.Context, kind, fingerprint, value string) error {
	err := c.store.Transact(ctx, func(ctx context.Context, tx bun.Tx) error {
		row := secretRow{Name: canaryPrefix + kind + ":" + fingerprint, Value: value}
		_, err := tx.NewInsert().Model(&row).On("CONFLICT (name) DO NOTHING").Exec(ctx)
		return err
	})
	return dberror.Translate(err, "store a canary", nil)
}

// Forget deletes the canary of a fingerprint, if there is one.
func (c *Canaries) Forget(ctx context.Context, kind, fingerprint string) error {
	err := c.store.Transact(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewDelete().Model((*secretRow)(nil)).
			Where("name = ?", canaryPrefix+kind+":"+fingerprint).Exec(ctx)
		return err
	})
	return dberror.Translate(err, "delete a canary", nil)
}
