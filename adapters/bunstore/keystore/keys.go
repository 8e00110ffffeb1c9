package keystore

import (
	"context"
	"errors"
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
	}}
}

type keyRow struct {
	bun.BaseModel `bun:"table:api_keys,alias:k"`

	ID          string `bun:",pk"`
	Name        string
	Role        string
	Reveal      bool
	Environment string
	Digest      []byte
	CreatedAt   column.Timestamp
	ExpiresAt   column.Timestamp
	RevokedAt   column.Timestamp
}

func rowOf(k *access.APIKey) keyRow {
	a := k.Attributes()
	return keyRow{
		ID: a.ID, Name: a.Name, Role: a.Role.String(), Reveal: a.Reveal, Environment: a.Environment.String(),
		Digest:    k.Digest(),
		CreatedAt: column.Time(a.Created), ExpiresAt: column.Time(a.Expires), RevokedAt: column.Time(a.Revoked),
	}
}

func keyOf(id string) bunstore.RowKey { return bunstore.RowKey{Table: "api_keys", ID: id} }

// RowKey identifies the row.
func (r keyRow) RowKey() bunstore.RowKey { return keyOf(r.ID) }

// Rehydrate returns the key. One of a role that this version does not know is damaged:
// it allows nothing.
func (r keyRow) Rehydrate(unread error) (*access.APIKey, error) {
	role, roleErr := access.ParseRole(r.Role)
	var environment scope.Environment
	var environmentErr error
	if r.Environment != "" {
		environment, environmentErr = scope.ParseEnvironment(r.Environment)
	}
	err := bunstore.CheckRow(r.RowKey(), !r.RevokedAt.IsZero(), unread, roleErr, environmentErr,
		column.CheckText("name", r.Name), column.CheckTimes(r.CreatedAt, r.ExpiresAt, r.RevokedAt))
	return access.RehydrateAPIKey(access.KeyAttributes{
		ID: r.ID, Name: column.Printable(r.Name), Role: role, Reveal: r.Reveal, Environment: environment,
		Created: r.CreatedAt.Time, Expires: r.ExpiresAt.Time, Revoked: r.RevokedAt.Time, Damaged: err != nil,
	}, r.Digest), err
}

// Create stores a new key, or is access.ErrKeyTaken.
func (k *Keys) Create(ctx context.Context, key *access.APIKey) error {
	err := k.store.Transact(ctx, func(ctx context.Context, tx bun.Tx) error { return k.insert(ctx, tx, key) })
	return dberror.Translate(err, "store an API key", access.ErrKeyTaken)
}

func (k *Keys) insert(ctx context.Context, tx bun.Tx, key *access.APIKey) error {
	_, err := k.table.Insert(tx, &[]keyRow{rowOf(key)}).Exec(ctx)
	return err
}

// firstKeyLock is the advisory lock of CreateFirst: "sbxfirst" in ASCII, as a number.
const firstKeyLock = 0x7362786669727374

// CreateFirst stores the key if there is none, and reports whether it did.
func (k *Keys) CreateFirst(ctx context.Context, key *access.APIKey) (bool, error) {
	created := false
	err := k.store.Transact(ctx, func(ctx context.Context, tx bun.Tx) error {
		created = false
		if k.store.Dialect() == bunstore.Postgres {
			if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(?)", int64(firstKeyLock)); err != nil {
				return err
			}
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

// List returns all keys, the oldest first, then by id. It reads them in pages; keys are
// never deleted.
func (k *Keys) List(ctx context.Context) ([]*access.APIKey, error) {
	var list []*access.APIKey
	for {
		q := k.store.NewSelect().Order("created_at", "id").Offset(len(list))
		page, err := bunstore.FindAll[keyRow](ctx, k.store, q, findChunk, "list API keys")
		list = append(list, page...)
		if err != nil || len(page) < findChunk {
			return list, err
		}
	}
}

// Revoke stores the time of a key's revocation, and does not change an earlier one.
func (k *Keys) Revoke(ctx context.Context, id string, at time.Time) error {
	err := k.store.Transact(ctx, func(ctx context.Context, tx bun.Tx) error {
		result, err := tx.NewUpdate().Model((*keyRow)(nil)).
			Set("revoked_at = COALESCE(revoked_at, ?)", column.Time(at)).Where("id = ?", id).Exec(ctx)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, access.ErrKeyNotFound)
		}
		return nil
	})
	if err == nil {
		k.store.Settle(keyOf(id))
	}
	return dberror.Translate(err, "revoke an API key", nil)
}
