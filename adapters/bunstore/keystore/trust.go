package keystore

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/signalbox-hq/signalbox/adapters/bunstore"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/column"
	"github.com/signalbox-hq/signalbox/adapters/bunstore/dberror"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/domain/access/trust"
)

// Trust stores the issuers and bindings that are trusted.
type Trust struct {
	store *bunstore.Store
	keys  *Keys
}

var _ trust.Store = (*Trust)(nil)

// NewTrust returns the issuers and bindings of a store.
func NewTrust(s *bunstore.Store) *Trust { return &Trust{store: s, keys: New(s)} }

// Load returns the policy.
func (t *Trust) Load(ctx context.Context) (trust.Policy, error) {
	return t.load(ctx, t.store.NewSelect)
}

func (t *Trust) load(ctx context.Context, selecting func() *bun.SelectQuery) (p trust.Policy, err error) {
	inOrder := func() *bun.SelectQuery { return selecting().Order("name") }
	issuers, err := bunstore.FindAll[issuerRow](ctx, t.store, inOrder(), trust.MaxIssuers, "load issuers")
	if err != nil {
		return trust.Policy{}, err
	}
	bindings, err := bunstore.FindAll[bindingRow](ctx, t.store, inOrder(), trust.MaxBindings, "load bindings")
	if err != nil {
		return trust.Policy{}, err
	}
	// What an unreadable row says is not trusted: it was reported when it was read, and is
	// refused here.
	for _, i := range issuers {
		_ = p.SetIssuer(i)
	}
	for _, b := range bindings {
		_ = p.SetBinding(b)
	}
	return p, nil
}

// trustLock is the advisory lock of Change: "sbxtrust" in ASCII, as a number.
const trustLock = 0x7362787472757374

// lock takes the advisory lock by a statement. On SQLite all transactions follow one another.
func (t *Trust) lock(ctx context.Context, tx bun.Tx, statement string) error {
	if t.store.Dialect() != bunstore.Postgres {
		return nil
	}
	_, err := tx.ExecContext(ctx, statement, int64(trustLock))
	return err
}

// Change applies a change to the policy and stores it, as trust.Store promises.
func (t *Trust) Change(ctx context.Context, at time.Time, apply func(*trust.Policy) error) error {
	err := t.store.Transact(ctx, func(ctx context.Context, tx bun.Tx) error {
		if err := t.lock(ctx, tx, "SELECT pg_advisory_xact_lock(?)"); err != nil {
			return err
		}
		before, err := t.load(ctx, tx.NewSelect)
		if err != nil {
			return err
		}
		after := before.Clone()
		if err := apply(&after); err != nil {
			return err
		}
		if err := save(ctx, tx, before, after); err != nil {
			return err
		}
		if err := revokeLogins(ctx, tx, before.Ended(after), at); err != nil {
			return err
		}
		return bunstore.Audit(ctx, tx, after.Notes...)
	})
	return dberror.Translate(err, "change what is trusted", trust.ErrTaken)
}

// save stores what is different. A binding never refers to an issuer that does not exist.
func save(ctx context.Context, tx bun.Tx, before, after trust.Policy) error {
	gone, made, err := changed(before.Bindings, after.Bindings,
		func(b trust.Binding) string { return b.ID }, bindingRowOf)
	if err != nil {
		return err
	}
	goneIssuers, madeIssuers, err := changed(before.Issuers, after.Issuers,
		func(i trust.Issuer) string { return i.ID }, issuerRowOf)
	if err != nil {
		return err
	}
	if err := remove[bindingRow](ctx, tx, gone); err != nil {
		return err
	}
	if err := upsert(ctx, tx, madeIssuers, "name", "definition"); err != nil {
		return err
	}
	if err := upsert(ctx, tx, made, "name", "issuer_id", "definition"); err != nil {
		return err
	}
	return remove[issuerRow](ctx, tx, goneIssuers)
}

// changed returns the ids that are gone and the rows that are new or different.
func changed[T any, R comparable](
	before, after []T, id func(T) string, rowOf func(T) (R, error),
) (gone []string, rows []R, err error) {
	old := map[string]R{}
	for _, one := range before {
		if old[id(one)], err = rowOf(one); err != nil {
			return nil, nil, err
		}
	}
	for _, one := range after {
		row, err := rowOf(one)
		if err != nil {
			return nil, nil, err
		}
		if stored, exists := old[id(one)]; !exists || stored != row {
			rows = append(rows, row)
		}
		delete(old, id(one))
	}
	for one := range old {
		gone = append(gone, one)
	}
	slices.SortFunc(gone, cmp.Compare)
	return gone, rows, nil
}

func remove[R any](ctx context.Context, tx bun.Tx, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	_, err := tx.NewDelete().Model((*R)(nil)).Where("id IN (?)", bun.List(ids)).Exec(ctx)
	return err
}

func upsert[R any](ctx context.Context, tx bun.Tx, rows []R, columns ...string) error {
	if len(rows) == 0 {
		return nil
	}
	q := tx.NewInsert().Model(&rows).On("CONFLICT (id) DO UPDATE")
	for _, name := range columns {
		q = q.Set(name + " = EXCLUDED." + name)
	}
	_, err := q.Exec(ctx)
	return err
}

// revokeLogins revokes the keys of the logins by bindings.
func revokeLogins(ctx context.Context, tx bun.Tx, bindings []string, at time.Time) error {
	if len(bindings) == 0 {
		return nil
	}
	_, err := tx.NewUpdate().Model((*keyRow)(nil)).Set("revoked_at = ?", column.Time(at.Truncate(time.Microsecond))).
		Where("login_binding IN (?)", bun.List(bindings)).Where("login_binding <> ''").
		Where("revoked_at IS NULL").Exec(ctx)
	return err
}

// CreateLogin stores the key of a login, as trust.Store promises. No change of the policy is
// stored between the check and the key.
func (t *Trust) CreateLogin(ctx context.Context, key *access.APIKey, by trust.Binding, of trust.Issuer) error {
	err := t.store.Transact(ctx, func(ctx context.Context, tx bun.Tx) error {
		if err := t.lock(ctx, tx, "SELECT pg_advisory_xact_lock_shared(?)"); err != nil {
			return err
		}
		now, err := t.load(ctx, tx.NewSelect)
		if err != nil {
			return err
		}
		if !now.Trusts(by, of) {
			return trust.ErrChanged
		}
		return t.keys.insert(ctx, tx, key)
	})
	return dberror.Translate(err, "store the key of a login", access.ErrKeyTaken)
}

// ForgetLogins deletes keys of logins that expired before a time.
func (t *Trust) ForgetLogins(ctx context.Context, before time.Time, most int) (int, error) {
	deleted := 0
	err := t.store.Transact(ctx, func(ctx context.Context, tx bun.Tx) error {
		old := tx.NewSelect().Model((*keyRow)(nil)).Column("id").Where("login_binding <> ''").
			Where("expires_at < ?", column.Time(before)).Limit(most)
		result, err := tx.NewDelete().Model((*keyRow)(nil)).Where("id IN (?)", old).Exec(ctx)
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		deleted = int(n)
		return err
	})
	return deleted, dberror.Translate(err, "delete the keys of old logins", nil)
}
