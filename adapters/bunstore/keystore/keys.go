package keystore

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/column"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/dberror"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// Keys stores API keys and the server's secret.
type Keys struct {
	store *bunstore.Store
	table *bunstore.Table[keyRow]
}

var _ access.Keys = (*Keys)(nil)

// New returns the API keys of a store.
func New(s *bunstore.Store) *Keys { return &Keys{store: s, table: bunstore.NewTable[keyRow](s)} }

// Module returns what API keys add to a store.
func Module() bunstore.Module {
	query := func(s *bunstore.Store) *bun.SelectQuery { return s.NewSelect().Where("revoked_at IS NULL") }
	return bunstore.Module{Inspect: []bunstore.Inspection{
		bunstore.InspectByID("api_keys", query, func(r keyRow) any { return r.ID }),
		bunstore.InspectByID("access_issuers", (*bunstore.Store).NewSelect, func(r issuerRow) any { return r.ID }),
		bunstore.InspectByID("access_bindings", (*bunstore.Store).NewSelect, func(r bindingRow) any { return r.ID }),
	}}
}

// Create stores a new key, or is access.ErrKeyTaken.
func (k *Keys) Create(ctx context.Context, key *access.APIKey) error {
	err := k.store.Transact(ctx, func(ctx context.Context, tx bun.Tx) error { return k.insert(ctx, tx, key) })
	return dberror.Translate(err, "store an API key", access.ErrKeyTaken)
}

func (k *Keys) insert(ctx context.Context, tx bun.Tx, key *access.APIKey) error {
	row, err := rowOf(key)
	if err != nil {
		return err
	}
	if _, err = k.table.Insert(tx, &[]keyRow{row}).Exec(ctx); err != nil {
		return err
	}
	return bunstore.Audit(ctx, tx, key.Notes()...)
}

// keysLock is the advisory lock of CreateFirst and Change: "sbxfirst" in ASCII, as a number.
const keysLock = 0x7362786669727374

// lock makes transactions that decide on all keys follow one another. On SQLite all
// transactions do.
func (k *Keys) lock(ctx context.Context, tx bun.Tx) error {
	if k.store.Dialect() != bunstore.Postgres {
		return nil
	}
	_, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(?)", int64(keysLock))
	return err
}

// CreateFirst stores the key if there is none, and reports whether it did.
func (k *Keys) CreateFirst(ctx context.Context, key *access.APIKey) (bool, error) {
	created := false
	err := k.store.Transact(ctx, func(ctx context.Context, tx bun.Tx) error {
		created = false
		if err := k.lock(ctx, tx); err != nil {
			return err
		}
		exists, err := tx.NewSelect().Model((*keyRow)(nil)).Exists(ctx)
		if err != nil || exists {
			return err
		}
		created = true
		return k.insert(ctx, tx, key)
	})
	if err != nil {
		return false, dberror.Translate(err, "store the first API key", access.ErrKeyTaken)
	}
	return created, nil
}

// Find returns the key of that id, or access.ErrKeyNotFound.
func (k *Keys) Find(ctx context.Context, id string) (*access.APIKey, error) {
	return bunstore.FindOne[keyRow](ctx, k.store, k.store.NewSelect().Where("id = ?", id), "load an API key",
		access.ErrKeyNotFound)
}

// findChunk bounds the rows of one statement.
const findChunk = 500

// FindAll returns the keys of those ids that exist.
func (k *Keys) FindAll(ctx context.Context, ids []string) (map[string]*access.APIKey, error) {
	found := make(map[string]*access.APIKey, len(ids))
	for chunk := range slices.Chunk(ids, findChunk) {
		q := k.store.NewSelect().Where("id IN (?)", bun.List(chunk)).Order("id")
		keys, err := bunstore.FindAll[keyRow](ctx, k.store, q, len(chunk), "load API keys")
		if err != nil {
			return nil, err
		}
		for _, key := range keys {
			found[key.Attributes().ID] = key
		}
	}
	return found, nil
}

// withoutLogin selects the keys that are not of a login.
const withoutLogin = "login_binding = ''"

// List returns a page of the keys that are not of logins, the oldest first, then by id.
// These are never deleted, so that the id alone is a position.
func (k *Keys) List(ctx context.Context, w scope.Window) (access.Page, error) {
	total, err := k.store.NewSelect().Model((*keyRow)(nil)).Where(withoutLogin).Count(ctx)
	if err != nil {
		return access.Page{}, dberror.Translate(err, "count API keys", nil)
	}
	q := k.store.NewSelect().Where(withoutLogin).Order("created_at", "id").Offset(w.Offset)
	if len(w.After) > 0 {
		last := k.store.NewSelect().Model((*keyRow)(nil)).Column("created_at", "id").Where("id = ?", w.After[0])
		q = q.Where("(created_at, id) > (?)", last)
	}
	found, err := bunstore.FindAll[keyRow](ctx, k.store, q, w.Limit+1, "list API keys")
	if err != nil {
		return access.Page{}, err
	}
	page := access.Page{Items: found[:min(len(found), w.Limit)], Total: total, More: len(found) > w.Limit}
	for _, key := range page.Items {
		page.Positions = append(page.Positions, scope.Position{key.Attributes().ID})
	}
	return page, nil
}

// Change applies a change to a key and stores it, as access.Keys promises.
func (k *Keys) Change(
	ctx context.Context, id string, at time.Time, apply func(key *access.APIKey, another bool) error,
) (*access.APIKey, error) {
	var changed *access.APIKey
	err := k.store.Transact(ctx, func(ctx context.Context, tx bun.Tx) error {
		if err := k.lock(ctx, tx); err != nil {
			return err
		}
		key, err := bunstore.FindOne[keyRow](ctx, k.store, tx.NewSelect().Where("id = ?", id), "load an API key",
			access.ErrKeyNotFound)
		if err != nil {
			return err
		}
		another, err := usableAdmins(tx, at).Where("id <> ?", id).Exists(ctx)
		if err != nil {
			return err
		}
		if err := apply(key, another); err != nil {
			return err
		}
		changed = key
		if err := k.update(ctx, tx, key); err != nil {
			return err
		}
		return bunstore.Audit(ctx, tx, key.Notes()...)
	})
	if err != nil {
		return nil, dberror.Translate(err, "change an API key", nil)
	}
	k.store.Settle(keyOf(id))
	return changed, nil
}

// update stores a key. Of a damaged one only its revocation can have changed.
func (k *Keys) update(ctx context.Context, tx bun.Tx, key *access.APIKey) error {
	a := key.Attributes()
	q := tx.NewUpdate().Model((*keyRow)(nil)).Where("id = ?", a.ID).Set("revoked_at = ?", column.Time(a.Revoked))
	if !a.Damaged {
		row, err := rowOf(key)
		if err != nil {
			return err
		}
		q = tx.NewUpdate().Model(&row).WherePK().
			ExcludeColumn("created_at", "created_by", "created_by_key", "last_used_at")
	}
	_, err := q.Exec(ctx)
	return err
}

// usableAdmins selects keys that are usable admins (access.APIKey.UsableAdmin). Their role
// is that of an admin, as no other row's is.
func usableAdmins(tx bun.Tx, at time.Time) *bun.SelectQuery {
	return tx.NewSelect().Model((*keyRow)(nil)).Where("role = ?", access.RoleAdmin.String()).
		Where("revoked_at IS NULL").
		Where("expires_at IS NULL OR expires_at > ?", column.Time(at.Add(access.AdminReserve)))
}

var _ access.KeyUses = (*Keys)(nil)

// Used stores when keys were last used, where that is later than the stored time.
func (k *Keys) Used(ctx context.Context, last map[string]time.Time) error {
	ids := slices.Sorted(maps.Keys(last)) // one order, so that replicas do not deadlock
	err := k.store.Transact(ctx, func(ctx context.Context, tx bun.Tx) error {
		for _, id := range ids {
			at := column.Time(last[id].Truncate(time.Microsecond))
			_, err := tx.NewUpdate().Model((*keyRow)(nil)).Set("last_used_at = ?", at).Where("id = ?", id).
				Where("last_used_at IS NULL OR last_used_at < ?", at).Exec(ctx)
			if err != nil {
				return err
			}
		}
		return nil
	})
	return dberror.Translate(err, "store the last use of API keys", nil)
}
