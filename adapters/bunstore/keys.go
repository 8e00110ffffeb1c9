package bunstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/domain/secret"
)

// Keys stores API keys and the server's secret.
type Keys struct{ store *Store }

var _ access.Keys = (*Keys)(nil)

type keyRow struct {
	bun.BaseModel `bun:"table:api_keys,alias:k"`

	ID          string `bun:",pk"`
	Name        string
	Role        string
	Reveal      bool
	Environment string
	Digest      []byte
	CreatedAt   timestamp
	ExpiresAt   timestamp
	RevokedAt   timestamp
}

func rowOfKey(k *access.APIKey) keyRow {
	a := k.Attributes()
	return keyRow{
		ID: a.ID, Name: a.Name, Role: a.Role.String(), Reveal: a.Reveal, Environment: a.Environment.String(),
		Digest:    k.Digest(),
		CreatedAt: timed(a.Created), ExpiresAt: timed(a.Expires), RevokedAt: timed(a.Revoked),
	}
}

func (r keyRow) at() place { return place{"api_keys", r.ID} }

// rehydrate returns the key. One of a role that this version does not know is damaged:
// it allows nothing.
func (r keyRow) rehydrate(unread error) (*access.APIKey, error) {
	role, roleErr := access.ParseRole(r.Role)
	var environment scope.Environment
	var environmentErr error
	if r.Environment != "" {
		environment, environmentErr = scope.ParseEnvironment(r.Environment)
	}
	err := damagedBy(r.at(), !r.RevokedAt.IsZero(), unread, roleErr, environmentErr, textErr("name", r.Name),
		timeErr(r.CreatedAt, r.ExpiresAt, r.RevokedAt))
	return access.RehydrateAPIKey(access.KeyAttributes{
		ID: r.ID, Name: shown(r.Name), Role: role, Reveal: r.Reveal, Environment: environment,
		Created: r.CreatedAt.Time, Expires: r.ExpiresAt.Time, Revoked: r.RevokedAt.Time, Damaged: err != nil,
	}, r.Digest), err
}

// Create stores a new key, or is access.ErrKeyTaken.
func (k *Keys) Create(ctx context.Context, key *access.APIKey) error {
	err := k.store.transact(ctx, func(ctx context.Context, tx bun.Tx) error { return insertKey(ctx, tx, key) })
	return translate(err, "store an API key", access.ErrKeyTaken)
}

func insertKey(ctx context.Context, tx bun.Tx, key *access.APIKey) error {
	row := rowOfKey(key)
	_, err := tx.NewInsert().Model(&row).Exec(ctx)
	return err
}

// firstKeyLock is the advisory lock under which the first key is made: "sbxfirst"
// in ASCII, as a number.
const firstKeyLock = 0x7362786669727374

// CreateFirst stores the key if there is none at all, and reports whether it did.
func (k *Keys) CreateFirst(ctx context.Context, key *access.APIKey) (bool, error) {
	made := false
	err := k.store.transact(ctx, func(ctx context.Context, tx bun.Tx) error {
		made = false
		if k.store.dialect == postgres {
			if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(?)", int64(firstKeyLock)); err != nil {
				return err
			}
		}
		exists, err := tx.NewSelect().Model((*keyRow)(nil)).Exists(ctx)
		if err != nil || exists {
			return err
		}
		made = true
		return insertKey(ctx, tx, key)
	})
	if err != nil {
		return false, translate(err, "store the first API key", access.ErrKeyTaken)
	}
	return made, nil
}

// Find returns the key of that id, or access.ErrKeyNotFound.
func (k *Keys) Find(ctx context.Context, id string) (*access.APIKey, error) {
	return one[keyRow](ctx, k.store, k.store.read.NewSelect().Where("id = ?", id), "load an API key",
		access.ErrKeyNotFound)
}

// FindAll returns the keys of those ids that exist.
func (k *Keys) FindAll(ctx context.Context, ids []string) (map[string]*access.APIKey, error) {
	found := make(map[string]*access.APIKey, len(ids))
	if len(ids) == 0 {
		return found, nil
	}
	q := k.store.read.NewSelect().Where("id IN (?)", bun.List(ids)).Order("id")
	keys, err := all[keyRow](ctx, k.store, q, "load API keys")
	for _, key := range keys {
		found[key.Attributes().ID] = key
	}
	return found, err
}

// maxKeys bounds a list of keys.
const maxKeys = 100_000

// List returns all keys, the oldest first, then by id.
func (k *Keys) List(ctx context.Context) ([]*access.APIKey, error) {
	q := k.store.read.NewSelect().Order("created_at", "id").Limit(maxKeys)
	return all[keyRow](ctx, k.store, q, "list API keys")
}

// Revoke stores when a key was revoked, and keeps an earlier time.
func (k *Keys) Revoke(ctx context.Context, id string, at time.Time) error {
	err := k.store.transact(ctx, func(ctx context.Context, tx bun.Tx) error {
		result, err := tx.NewUpdate().Model((*keyRow)(nil)).
			Set("revoked_at = COALESCE(revoked_at, ?)", timed(at)).Where("id = ?", id).Exec(ctx)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, access.ErrKeyNotFound)
		}
		return nil
	})
	if err == nil {
		k.store.damage.forget(func(at place) bool { return at == place{"api_keys", id} })
	}
	return translate(err, "revoke an API key", nil)
}

type secretRow struct {
	bun.BaseModel `bun:"table:server_secrets,alias:s"`

	Name  string `bun:",pk"`
	Value string
}

const pepperName = "api_key_pepper"

// Pepper returns the server's secret, storing the candidate where there is none.
func (k *Keys) Pepper(ctx context.Context, candidate secret.Text) (secret.Text, error) {
	row := secretRow{Name: pepperName}
	err := k.store.read.NewSelect().Model(&row).WherePK().Scan(ctx)
	if err == nil {
		return secret.New(row.Value), nil
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return secret.Text{}, translate(err, "load the server's secret", nil)
	}
	err = k.store.transact(ctx, func(ctx context.Context, tx bun.Tx) error {
		mine := secretRow{Name: pepperName, Value: candidate.Reveal()}
		if _, err := tx.NewInsert().Model(&mine).On("CONFLICT (name) DO NOTHING").Exec(ctx); err != nil {
			return err
		}
		return tx.NewSelect().Model(&row).WherePK().Scan(ctx)
	})
	if err != nil {
		return secret.Text{}, translate(err, "store the server's secret", nil)
	}
	return secret.New(row.Value), nil
}
